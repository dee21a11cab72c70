-- path: db/change.sql
ALTER TABLE orders ADD COLUMN kind int;
BEGIN;
UPDATE orders SET kind = 1 WHERE id = 1;
COMMIT;
SET idle_in_transaction_session_timeout = '10s';
BEGIN;
ALTER TABLE users ADD COLUMN kind int;
COMMIT;
