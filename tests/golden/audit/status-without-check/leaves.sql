CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE kinds (kind text PRIMARY KEY);
CREATE TABLE payments (id bigint PRIMARY KEY, status text NOT NULL CHECK (status IN ('new', 'paid')), state mood,
    kind text REFERENCES kinds (kind), content_type text);
-- Too many different values for a list of states.
INSERT INTO payments SELECT g, 'new', NULL, NULL, 'type' || g FROM generate_series(1, 500) g;
ANALYZE;
