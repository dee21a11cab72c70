-- path: queries.sql
-- prepared: said.json
-- name: fine
SELECT id FROM orders WHERE user_id = :user_id;
-- name: broken
SELEC 1;
-- name: hidden
SELECT id FROM hidden.secret;
-- name: setup#
CREATE TABLE usr_id (id bigint PRIMARY KEY);
