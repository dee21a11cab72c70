-- path: db/change.sql
DROP DATABASE shop;
DROP DATABASE IF EXISTS shop2 WITH (FORCE);
