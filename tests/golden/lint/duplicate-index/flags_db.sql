-- database: db.json
CREATE INDEX CONCURRENTLY again ON orders (user_id);
