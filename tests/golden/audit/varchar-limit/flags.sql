CREATE TABLE users (id bigint PRIMARY KEY, name varchar(255) CHECK (name <> ''), nick varchar(255));
CREATE VIEW nicks AS SELECT nick FROM users;
-- The referencing column goes along.
CREATE TABLE coupons (code varchar(255) PRIMARY KEY);
CREATE TABLE coupon_uses (id bigint PRIMARY KEY, code varchar(100) REFERENCES coupons (code));
INSERT INTO coupons VALUES ('A');
INSERT INTO coupon_uses VALUES (1, 'A');
