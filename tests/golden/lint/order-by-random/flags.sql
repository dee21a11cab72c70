SELECT id FROM questions ORDER BY random() LIMIT 3;
