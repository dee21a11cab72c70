-- path: db/change.sql
CREATE DATABASE shop3;
ALTER DATABASE shop SET work_mem = '8MB';
DROP SCHEMA shop;
