-- path: app/save.sql
INSERT INTO users (email) SELECT 'a@b' WHERE NOT EXISTS (SELECT FROM users WHERE email = 'a@b');
