-- path: db/change.sql
SET search_path = shop;
SELECT 1;
