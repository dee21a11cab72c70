SELECT CASE WHEN total > 100 THEN 'big' ELSE CASE WHEN total > 10 THEN 'middle' ELSE 'small' END END FROM orders;
