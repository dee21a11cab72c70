CREATE TABLE payments (id bigint PRIMARY KEY, status text NOT NULL);
CREATE TABLE jobs (id bigint PRIMARY KEY, kind varchar(20));
INSERT INTO jobs SELECT g, (ARRAY['mail', 'report', 'bill'])[1 + g % 3] FROM generate_series(1, 500) g;
ANALYZE jobs;
