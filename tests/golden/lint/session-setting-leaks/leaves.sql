SET LOCAL search_path = shop;
SET ROLE owner;
SELECT 1;
RESET ROLE;
SET lock_timeout = '2s';
