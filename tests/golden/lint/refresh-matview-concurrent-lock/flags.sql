CREATE MATERIALIZED VIEW user_sales_summary AS SELECT user_id, sum(amount) AS total FROM sales GROUP BY user_id;
CREATE UNIQUE INDEX ON user_sales_summary (user_id) WHERE user_id > 0;
REFRESH MATERIALIZED VIEW CONCURRENTLY user_sales_summary;
REFRESH MATERIALIZED VIEW CONCURRENTLY others;
UPDATE sales SET amount = 0 WHERE id = 1;
