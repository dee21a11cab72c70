-- path: queries.sql
-- database: db.json
-- prepared: said.json
-- name: by_status
SELECT /* by_status */ id
  FROM orders WHERE status = :status AND total > :total AND note IS NULL ORDER BY id;
-- name: joined
SELECT /* joined */ u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE u.name = 'x' AND o.note = ANY(:notes);
-- name: paired
SELECT /* paired */ o.id FROM users u JOIN orders o ON o.note = u.name WHERE u.email = :email;
