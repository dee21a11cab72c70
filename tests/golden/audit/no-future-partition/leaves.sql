SET timezone = 'UTC';
CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE open_end (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE open_end_all PARTITION OF open_end FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
-- Numbers are no time; an archive takes no rows any more.
CREATE TABLE numbers (id bigint NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE numbers_1 PARTITION OF numbers FOR VALUES FROM (1) TO (1000);
CREATE TABLE archive (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE archive_2015 PARTITION OF archive FOR VALUES FROM ('2015-01-01') TO ('2016-01-01');
DO $$ BEGIN
  EXECUTE format('CREATE TABLE events_now PARTITION OF events FOR VALUES FROM (%L) TO (%L)', current_date, current_date + 30);
END $$;
