-- The way back from V027__archived_events_by_kind.sql.
DROP INDEX CONCURRENTLY events_2024_q1_kind;
