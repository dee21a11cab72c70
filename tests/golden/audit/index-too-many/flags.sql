CREATE TABLE wide (id bigint PRIMARY KEY, a integer, b integer, c integer, d integer, e integer, f integer, g integer, h integer, i integer, j integer);
CREATE INDEX ON wide (a); CREATE INDEX ON wide (b); CREATE INDEX ON wide (c); CREATE INDEX ON wide (d); CREATE INDEX ON wide (e);
CREATE INDEX ON wide (f); CREATE INDEX ON wide (g); CREATE INDEX ON wide (h); CREATE INDEX ON wide (i); CREATE INDEX ON wide (j);
