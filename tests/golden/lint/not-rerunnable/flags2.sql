-- migrate:up transaction:false
CREATE SCHEMA s;
SELECT 1;
