-- database: db.json
SELECT id FROM users WHERE lower(email) = $1;
SELECT id FROM orders WHERE date_trunc('day', created_at) = '2024-01-01';
SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id AND date(o.created_at) = current_date;
