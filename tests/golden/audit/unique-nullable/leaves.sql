-- One nullable column is "unique where given"; all NOT NULL; partial.
CREATE TABLE accounts (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, email text UNIQUE, login text NOT NULL, UNIQUE (tenant_id, login));
CREATE UNIQUE INDEX ON accounts (tenant_id, email) WHERE email IS NOT NULL;
