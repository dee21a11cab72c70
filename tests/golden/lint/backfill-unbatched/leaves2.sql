-- No sizes are known.
UPDATE orders SET status = 'new' WHERE status = 'old';
