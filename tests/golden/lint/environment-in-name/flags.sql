CREATE TABLE orders_prod (id bigint PRIMARY KEY);
CREATE TABLE sales.users_backup_20240131 AS SELECT id FROM users;
CREATE VIEW totals_tmp AS SELECT 1 AS one;
CREATE SCHEMA test_sales;
CREATE SEQUENCE orders_old;
