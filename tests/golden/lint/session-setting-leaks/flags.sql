SET search_path = shop;
SET ROLE owner;
SET TIME ZONE 'UTC';
SELECT 1;
