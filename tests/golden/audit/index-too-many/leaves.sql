CREATE TABLE wide (id bigint PRIMARY KEY, a integer, b integer);
CREATE INDEX ON wide (a); CREATE INDEX ON wide (b);
