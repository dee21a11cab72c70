CREATE TABLE jobs (id bigint PRIMARY KEY, done boolean NOT NULL, at timestamptz);
INSERT INTO jobs SELECT g, g % 2 = 0, now() FROM generate_series(1, 2000) g;
CREATE INDEX jobs_todo ON jobs (id) WHERE NOT done;
CREATE INDEX jobs_done_at ON jobs (done, at);
ANALYZE jobs;
