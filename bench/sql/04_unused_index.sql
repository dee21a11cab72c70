-- Indexes that no query used and that guard nothing.
SELECT s.schemaname, s.relname, s.indexrelname
FROM pg_stat_user_indexes s
JOIN pg_index x ON x.indexrelid = s.indexrelid
WHERE s.idx_scan = 0 AND NOT x.indisunique AND NOT x.indisprimary
ORDER BY 1, 2, 3;
