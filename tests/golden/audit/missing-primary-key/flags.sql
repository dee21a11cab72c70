-- No key at all, published; partitioned; a unique index that can become the key; the same behind a constraint.
CREATE TABLE audit_log (at timestamptz NOT NULL DEFAULT now(), what text NOT NULL);
INSERT INTO audit_log (what) SELECT 'login' FROM generate_series(1, 10);
CREATE PUBLICATION g_missing_primary_key FOR TABLE audit_log;
CREATE TABLE events (at date NOT NULL, kind text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO events VALUES ('2026-05-01', 'click');
CREATE TABLE inventory (product_id bigint NOT NULL, warehouse text NOT NULL, quantity integer NOT NULL);
CREATE UNIQUE INDEX inventory_place ON inventory (product_id, warehouse) INCLUDE (quantity);
CREATE TABLE settings (name text NOT NULL UNIQUE, value text);
CREATE TABLE tokens (token uuid NOT NULL, tokens_pkey boolean);
CREATE UNIQUE INDEX tokens_pkey ON tokens (token);
