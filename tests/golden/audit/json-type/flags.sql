CREATE TABLE events (id bigint PRIMARY KEY, payload json NOT NULL DEFAULT '{}', shape json CHECK (json_typeof(shape) = 'object'));
INSERT INTO events VALUES (1, '{"page": 1}', '{}');
