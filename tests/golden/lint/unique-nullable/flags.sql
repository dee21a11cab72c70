CREATE TABLE a (id bigint PRIMARY KEY, tenant bigint NOT NULL, slug text, UNIQUE (tenant, slug));
CREATE TABLE b (id bigint PRIMARY KEY, x int, y int NOT NULL);
CREATE UNIQUE INDEX b_xy ON b (x, y);
