-- database: db.json
SELECT count(note) FROM orders;
