CREATE TABLE carts (id bigint NOT NULL) WITH (autovacuum_enabled = on, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE plain (id bigint NOT NULL);
