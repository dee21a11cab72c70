-- path: queries.sql
-- name: nobody_asked
SELECT id FROM orders WHERE usr_id = 1;
