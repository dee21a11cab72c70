-- database: db.json
SELECT id FROM users WHERE email = lower($1);
SELECT id FROM users WHERE lower(name) = $1;
SELECT lower(email) FROM users WHERE created_at > now() - interval '1 day';
SELECT id FROM elsewhere WHERE lower(email) = $1;
CREATE INDEX ON orders (lower(note));
SELECT id FROM orders WHERE lower(status) = 'a';
