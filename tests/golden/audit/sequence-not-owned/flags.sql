CREATE SEQUENCE order_numbers;
CREATE TABLE orders (id bigint PRIMARY KEY DEFAULT nextval('order_numbers'));
CREATE SCHEMA elsewhere;
CREATE SEQUENCE elsewhere.numbers;
CREATE TABLE bills (id bigint PRIMARY KEY DEFAULT nextval('elsewhere.numbers'));
