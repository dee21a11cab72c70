-- path: queries.sql
-- database: db.json
-- prepared: said.json
CREATE INDEX CONCURRENTLY orders_note ON orders (note);
-- name: x
SELECT /* pending */ id FROM orders WHERE note = :note;
