-- What the auditors ask for.
CREATE INDEX CONCURRENTLY events_2024_q1_kind ON events_2024_q1 (kind, created_at);
