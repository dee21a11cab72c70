-- The recorded traffic of an afternoon: what fills pg_stat_statements and the counters.
SET pg_stat_statements.track = 'all';
SET work_mem = '64kB';
DO $$
BEGIN
  FOR i IN 1..40 LOOP
    PERFORM count(*) FROM events WHERE user_id = i;                      -- no index
    PERFORM count(*), sum(total) FROM orders WHERE status = 'new' AND total > i;
    PERFORM * FROM orders WHERE user_id = i ORDER BY placed_at DESC LIMIT 10;
    PERFORM * FROM users WHERE id = i;
    UPDATE products SET stock = stock - 1 WHERE id = i;
  END LOOP;
END $$;
DO $$
BEGIN
  FOR i IN 1..5 LOOP
    PERFORM count(*) FROM order_items WHERE product_id = i;
  END LOOP;
END $$;
SELECT c.name, sum(i.price * i.quantity) FROM order_items i JOIN products p ON p.id = i.product_id
JOIN categories c ON c.id = p.category_id GROUP BY c.name ORDER BY 2 DESC LIMIT 5;
-- Reports that sort on disk.
SELECT max(length(line)) FROM (SELECT repeat('x', 500) || i AS line FROM generate_series(1, 400000) AS i ORDER BY i DESC OFFSET 1) AS sorted;
-- Statements put together from pieces: each is a new one to pg_stat_statements.
DO $$
BEGIN
  FOR i IN 1..400 LOOP
    EXECUTE 'SELECT 1' || repeat(' + 1', i);
  END LOOP;
END $$;
-- An optimistic client that begins, fails and begins again.
DO $$
BEGIN
  FOR i IN 1..3000 LOOP
    PERFORM 1;
    ROLLBACK;
  END LOOP;
END $$;
-- A batch that connects for every single row, and is often killed.
DO $$
DECLARE
  target text := format('host=%s port=%s dbname=%s user=postgres application_name=shop-batch',
                        current_setting('unix_socket_directories'), current_setting('port'), current_database());
BEGIN
  FOR i IN 1..520 LOOP
    PERFORM dblink_connect('batch', target);
    IF i % 25 = 0 THEN
      PERFORM pg_terminate_backend(pid, 5000) FROM dblink('batch', 'SELECT pg_backend_pid()') AS own (pid integer);
    END IF;
    PERFORM dblink_disconnect('batch');
  END LOOP;
END $$;
