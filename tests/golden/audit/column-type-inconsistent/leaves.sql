CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, tax_id text, value integer);
CREATE TABLE carts (id uuid PRIMARY KEY, user_id bigint, tax_id varchar(20), value text);
