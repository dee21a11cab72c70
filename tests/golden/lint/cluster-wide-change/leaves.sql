-- path: db/change.sql
ALTER ROLE app SET statement_timeout = '5s';
CREATE ROLE app LOGIN NOSUPERUSER;
ALTER ROLE app NOSUPERUSER;
SET work_mem = '1GB';
ALTER DATABASE shop OWNER TO app;
