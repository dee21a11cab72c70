-- Sequences that have used three quarters of what they may count to.
SELECT schemaname, sequencename, last_value, max_value
FROM pg_sequences
WHERE last_value > 0.75 * max_value
ORDER BY 1, 2;
