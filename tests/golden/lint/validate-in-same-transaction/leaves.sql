-- path: plain.sql
ALTER TABLE orders ADD CONSTRAINT orders_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_user_fkey;
BEGIN;
ALTER TABLE users ADD COLUMN name text;
ALTER TABLE orders VALIDATE CONSTRAINT orders_amount_check;
COMMIT;
