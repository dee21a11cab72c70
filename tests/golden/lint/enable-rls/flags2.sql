-- path: db/change.sql
-- Between the two everybody sees nothing.
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON posts USING (author_id = 1);
