SELECT CASE WHEN total > 100 THEN 'big' WHEN total > 10 THEN 'middle' ELSE 'small' END FROM orders;
SELECT CASE WHEN total > 100 THEN CASE WHEN paid THEN 'a' ELSE 'b' END ELSE 'small' END FROM orders;
