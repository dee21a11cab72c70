-- path: db/change.sql
SELECT 1;
