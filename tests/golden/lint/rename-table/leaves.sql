-- A view takes the old name.
ALTER TABLE orders RENAME TO purchases;
CREATE VIEW orders AS SELECT * FROM purchases;
-- A swap: the name goes on to work.
ALTER TABLE events RENAME TO events_old;
ALTER TABLE events_new RENAME TO events;
CREATE TABLE t (a int);
ALTER TABLE t RENAME TO u;
ALTER INDEX i RENAME TO j;
CREATE INDEX CONCURRENTLY posts_day ON posts (day);
ALTER TABLE posts_day RENAME TO posts_by_day;
