-- database: db.json
SELECT id FROM orders WHERE user_id = $1::bigint;
SELECT id FROM users WHERE email::varchar = $1;
SELECT id FROM orders WHERE note::date = '2024-01-01';
SELECT user_id::text FROM orders WHERE id = 1;
