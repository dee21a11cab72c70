ALTER TYPE status ADD VALUE 'held';
UPDATE orders SET status = 'new' WHERE id = 1;
