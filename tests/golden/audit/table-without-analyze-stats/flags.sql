-- Vacuumed but never analysed; analysed before a column came; partitions analysed, their parent not.
CREATE TABLE imports (id bigint NOT NULL, v text) WITH (autovacuum_enabled = off);
INSERT INTO imports SELECT g, md5(g::text) FROM generate_series(1, 5000) g;
VACUUM imports;
CREATE TABLE customers (id bigint NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO customers SELECT g FROM generate_series(1, 5000) g;
ANALYZE customers;
ALTER TABLE customers ADD COLUMN country text NOT NULL DEFAULT 'xx';
CREATE TABLE logs (id bigint NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') WITH (autovacuum_enabled = off);
INSERT INTO logs SELECT g, date '2026-03-01' FROM generate_series(1, 5000) g;
ANALYZE logs_2026;
