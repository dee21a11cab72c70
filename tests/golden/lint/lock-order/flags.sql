-- path: deploy/x.sql
BEGIN;
LOCK TABLE orders, users;
COMMIT;
BEGIN;
ALTER TABLE users ADD COLUMN a int;
ALTER TABLE orders ADD COLUMN a int;
COMMIT;
