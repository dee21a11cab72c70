-- migrate:up
-- Irreversible: the rows are merged.
UPDATE orders SET a = 1 WHERE id = 1;
