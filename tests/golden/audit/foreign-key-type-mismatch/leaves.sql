-- text beside varchar compares alike; a longer referencing column harms nobody.
CREATE TABLE users (id uuid PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id uuid REFERENCES users (id));
CREATE TABLE coupons (code varchar(40) PRIMARY KEY);
CREATE TABLE coupon_uses (id bigint PRIMARY KEY, code text REFERENCES coupons (code));
CREATE TABLE labels (id bigint PRIMARY KEY, code varchar(255) REFERENCES coupons (code));
