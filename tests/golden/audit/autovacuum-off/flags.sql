CREATE TABLE carts (id bigint NOT NULL) WITH (autovacuum_enabled = off);
CREATE TABLE "Mixed Case" (id bigint NOT NULL, doc text) WITH (toast.autovacuum_enabled = false);
CREATE MATERIALIZED VIEW totals WITH (autovacuum_enabled = no) AS SELECT 1 AS a;
