-- path: queries.sql
-- name: by_status
SELECT id FROM orders WHERE status = :status;
