CREATE TABLE accounts (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, email text, UNIQUE (tenant_id, email));
