CREATE TABLE sessions (id bigint PRIMARY KEY, start_date text, expires_at text);
INSERT INTO sessions SELECT g, '2026-01-' || lpad((1 + g % 28)::text, 2, '0'), '2026-02-01 10:00:00' FROM generate_series(1, 500) g;
ANALYZE;
