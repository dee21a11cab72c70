-- Clicks, by quarter: an old quarter goes by detaching it, not by deleting rows.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint,
    kind text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX events_created_at ON events (created_at);
CREATE TABLE events_2024_q1 PARTITION OF events FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2024-04-01 00:00+00');
CREATE TABLE events_2024_q2 PARTITION OF events FOR VALUES FROM ('2024-04-01 00:00+00') TO ('2024-07-01 00:00+00');
INSERT INTO events (id, user_id, kind, payload, created_at) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % 500, (ARRAY['view', 'click', 'buy'])[1 + i % 3], jsonb_build_object('page', i % 50),
       timestamptz '2024-01-01 00:00+00' + i % 4000 * interval '1 hour'
FROM generate_series(1, sample_rows(3000)) AS i;
SELECT setval(pg_get_serial_sequence('events', 'id'), (SELECT max(id) FROM events));
