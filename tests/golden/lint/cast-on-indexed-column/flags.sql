-- database: db.json
SELECT id FROM orders WHERE user_id::text = $1;
SELECT id FROM orders WHERE created_at::date = '2024-01-01';
