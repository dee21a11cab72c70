CREATE TABLE t (a int);
ALTER TABLE t SET SCHEMA archive;
ALTER FUNCTION f(int) SET SCHEMA archive;
SET LOCAL search_path = archive;
-- The old name stays.
ALTER TABLE posts SET SCHEMA archive;
CREATE VIEW posts AS SELECT * FROM archive.posts;
