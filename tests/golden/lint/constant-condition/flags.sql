SELECT id FROM users WHERE name = 'x' OR 1 = 1;
SELECT id FROM users WHERE false;
