-- Keys that share the tenant, as they should.
CREATE TABLE users (tenant_id bigint, id bigint, PRIMARY KEY (tenant_id, id));
CREATE TABLE posts (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, author_id bigint NOT NULL, editor_id bigint,
    FOREIGN KEY (tenant_id, author_id) REFERENCES users (tenant_id, id),
    FOREIGN KEY (tenant_id, editor_id) REFERENCES users (tenant_id, id));
