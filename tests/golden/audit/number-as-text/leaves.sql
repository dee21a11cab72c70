-- Digits that are names: nobody adds them up.
CREATE TABLE items (id bigint PRIMARY KEY, quantity integer, zip text, phone_number text, external_id text);
INSERT INTO items SELECT g, g % 40, '10115', '030' || g, g::text FROM generate_series(1, 500) g;
ANALYZE;
