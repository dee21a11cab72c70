-- why
SELECT 1;
UPDATE accounts
SET balance = ...;
SELECT 'ü', 2 FORM x y;
DROP TABLE IF EXISTS a
