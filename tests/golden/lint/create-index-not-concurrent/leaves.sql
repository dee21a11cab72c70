CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

CREATE INDEX orders_amount ON orders (amount);
CREATE INDEX CONCURRENTLY users_name ON users (name);
CREATE TEMPORARY TABLE scratch (id bigint);
CREATE INDEX ON scratch (id);
CREATE MATERIALIZED VIEW totals AS SELECT 1 AS id;
CREATE UNIQUE INDEX ON totals (id);
