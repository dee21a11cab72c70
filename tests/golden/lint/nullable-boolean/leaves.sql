CREATE TABLE t (id bigint PRIMARY KEY, active boolean NOT NULL, a bool DEFAULT false, b boolean);
ALTER TABLE t ALTER COLUMN b SET NOT NULL;
