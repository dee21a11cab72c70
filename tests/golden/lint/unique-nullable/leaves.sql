CREATE TABLE a (id bigint PRIMARY KEY, tenant bigint NOT NULL, slug text NOT NULL, email text UNIQUE, UNIQUE (tenant, slug));
CREATE TABLE b (id bigint PRIMARY KEY, x int, y int NOT NULL, UNIQUE NULLS NOT DISTINCT (x, y));
CREATE UNIQUE INDEX b_xy ON b (x, y) WHERE x IS NOT NULL;
CREATE INDEX b_yx ON b (y, x);
CREATE TABLE c (id bigint PRIMARY KEY, x int, y int NOT NULL, UNIQUE (x, y));
ALTER TABLE c ALTER COLUMN x SET NOT NULL;
