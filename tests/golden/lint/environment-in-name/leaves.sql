CREATE TABLE product (id bigint PRIMARY KEY, is_test boolean NOT NULL);
CREATE TABLE test_results (id bigint PRIMARY KEY);
CREATE TABLE household (id bigint PRIMARY KEY);
CREATE TEMPORARY TABLE orders_tmp (id bigint);
CREATE TABLE measures_2024 (id bigint PRIMARY KEY);
ALTER TABLE users RENAME TO users_old;
CREATE SCHEMA prod;
