-- path: db/change.sql
ALTER SYSTEM SET work_mem = '1GB';
ALTER DATABASE shop SET search_path = shop;
ALTER ROLE app SUPERUSER;
CREATE ROLE boss LOGIN SUPERUSER;
DROP TABLESPACE fast;
