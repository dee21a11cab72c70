CREATE TABLE sessions (id bigint PRIMARY KEY, start_date date, expires_at timestamptz, look_at text, date_format text);
INSERT INTO sessions SELECT g, '2026-01-01', now(), 'the sky', 'YYYY-MM-DD' FROM generate_series(1, 500) g;
ANALYZE;
