-- The way back from V032__notes_by_tenant.sql.
DROP POLICY customer_notes_of_tenant ON customer_notes;
ALTER TABLE customer_notes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customer_notes DISABLE ROW LEVEL SECURITY;
