-- The shop serves other shops: notes about customers belong to one of them.
CREATE TABLE tenants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO tenants (id, name) OVERRIDING SYSTEM VALUE SELECT i, 'Shop ' || i FROM generate_series(1, 5) AS i;
SELECT setval(pg_get_serial_sequence('tenants', 'id'), (SELECT max(id) FROM tenants));
CREATE TABLE customer_notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id bigint NOT NULL REFERENCES tenants (id),
    user_id bigint NOT NULL REFERENCES users (id),
    note text NOT NULL
);
CREATE INDEX customer_notes_tenant_id ON customer_notes (tenant_id);
CREATE INDEX customer_notes_user_id ON customer_notes (user_id);
INSERT INTO customer_notes (id, tenant_id, user_id, note) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % 5, 1 + i % 100, 'note ' || i FROM generate_series(1, 500) AS i;
SELECT setval(pg_get_serial_sequence('customer_notes', 'id'), (SELECT max(id) FROM customer_notes));
