SELECT id FROM orders WHERE created_at > now() - interval '1 hour';
SELECT clock_timestamp();
SELECT id, clock_timestamp() FROM orders WHERE id = 1;
