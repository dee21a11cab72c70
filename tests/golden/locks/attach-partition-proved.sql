-- relations: parent=events partition=events_2 default_partition=events_rest
CREATE TABLE events (id bigint NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events SELECT i, '2024-01-05' FROM generate_series(1, 100) AS i;
INSERT INTO events SELECT i, '2030-01-05' FROM generate_series(1, 100) AS i;
CREATE TABLE events_2 (id bigint NOT NULL, day date NOT NULL);
INSERT INTO events_2 SELECT i, '2024-02-05' FROM generate_series(1, 100) AS i;
ALTER TABLE events_2 ADD CONSTRAINT events_2_days CHECK (day >= '2024-02-01' AND day < '2024-03-01');
ALTER TABLE events_rest ADD CONSTRAINT events_rest_days CHECK (day < '2024-02-01' OR day >= '2024-03-01');
-- measure
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
