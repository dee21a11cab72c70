CREATE TABLE jobs (id bigint PRIMARY KEY, done boolean NOT NULL);
INSERT INTO jobs SELECT g, g % 2 = 0 FROM generate_series(1, 2000) g;
CREATE INDEX jobs_done ON jobs (done);
ANALYZE jobs;
