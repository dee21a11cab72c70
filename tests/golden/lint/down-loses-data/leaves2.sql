-- migrate:up
DROP TABLE old;
-- migrate:down
-- Irreversible for the rows; they were archived.
CREATE TABLE old (a int);
