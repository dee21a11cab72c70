CREATE TABLE users (tenant_id bigint, id bigint UNIQUE, PRIMARY KEY (tenant_id, id));
CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, user_id bigint NOT NULL REFERENCES users (id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id));
-- With a NULL tenant only the narrow one holds.
CREATE TABLE carts (id bigint PRIMARY KEY, tenant_id bigint, user_id bigint NOT NULL REFERENCES users (id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id));
