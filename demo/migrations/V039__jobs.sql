-- Mail is sent later, by whoever takes the job first. The table is small and busy: vacuum it often, leave room in its pages.
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    done boolean NOT NULL DEFAULT false,
    run_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
INSERT INTO jobs (id, kind, payload, done, run_at) OVERRIDING SYSTEM VALUE
SELECT i, 'mail', jsonb_build_object('to', i), i % 10 <> 0, timestamptz '2024-06-01 00:00+00' + i * interval '1 minute'
FROM generate_series(1, sample_rows(1000)) AS i;
SELECT setval(pg_get_serial_sequence('jobs', 'id'), (SELECT max(id) FROM jobs));
