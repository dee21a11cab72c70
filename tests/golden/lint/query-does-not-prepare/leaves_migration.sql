-- prepared: said.json
-- name: looks_so
SELECT id FROM orders WHERE usr_id = 1;
