-- path: app/transfer.sql
BEGIN;
SELECT id, balance FROM accounts WHERE id = 1;
UPDATE accounts SET balance = 5 WHERE id = 1;
COMMIT;
