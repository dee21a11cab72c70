-- database: c.json
SELECT id FROM orders WHERE status LIKE 'late%';
