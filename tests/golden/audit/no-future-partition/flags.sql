SET timezone = 'UTC';
-- Days that end tomorrow, with everything that a new partition must have.
CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, user_id bigint REFERENCES users (id), note text DEFAULT '-',
    CHECK (id > 0), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE INDEX ON events (user_id);
-- Months that ended, with a default that is empty.
CREATE TABLE visits (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
-- A default that holds rows: a person moves them first.
CREATE TABLE clicks (at timestamp NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE clicks_rest PARTITION OF clicks DEFAULT;
DO $$
DECLARE month date := date_trunc('month', current_date);
BEGIN
  EXECUTE format('CREATE TABLE events_now PARTITION OF events FOR VALUES FROM (%L) TO (%L)', current_date, current_date + 1);
  EXECUTE format('CREATE TABLE visits_then PARTITION OF visits FOR VALUES FROM (%L) TO (%L)',
                 month - interval '2 months', month - interval '1 month');
  EXECUTE format('CREATE TABLE clicks_now PARTITION OF clicks FOR VALUES FROM (%L) TO (%L)', current_date, current_date + 1);
END $$;
INSERT INTO clicks VALUES (now() + interval '10 days');
INSERT INTO visits VALUES (date_trunc('month', now()) - interval '2 months');
ANALYZE;
