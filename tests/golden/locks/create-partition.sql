-- relations: parent=events default_partition=events_rest
CREATE TABLE events (id bigint NOT NULL, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events SELECT i, '2024-01-05' FROM generate_series(1, 100) AS i;
INSERT INTO events SELECT i, '2030-01-05' FROM generate_series(1, 100) AS i;
-- measure
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
