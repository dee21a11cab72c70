-- path: queries.sql
-- database: db.json
-- prepared: said.json
-- name: first
SELECT /* first_of */ id FROM orders WHERE note = :note ORDER BY id LIMIT 1;
-- name: narrowed
SELECT /* narrowed */ id FROM orders WHERE note = :note AND user_id = :u;
-- name: unindexable
SELECT /* unindexable */ id FROM orders WHERE lower(note) = :note;
-- name: all
SELECT /* all_of */ id FROM orders;
-- name: small
SELECT /* small */ id FROM tiny WHERE id = :id;
-- name: nothing_said
SELECT id FROM orders;
-- name: every_pair
SELECT /* every_pair */ o.id FROM users u JOIN orders o ON o.note = u.name;
