CREATE INDEX CONCURRENTLY posts_day ON posts (author_id, day);
ALTER TABLE posts ADD CONSTRAINT posts_day_range CHECK (day > 0) NOT VALID;
ALTER TABLE posts DROP COLUMN day;
