-- Parcels go to an address, and people have several of them.
CREATE TABLE addresses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    street text NOT NULL,
    city text NOT NULL,
    zip text NOT NULL,
    country text NOT NULL DEFAULT 'DE'
);
INSERT INTO addresses (id, user_id, street, city, zip) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % sample_rows(2000), 'Street ' || i, 'City ' || i % 300, lpad((i % 99999)::text, 5, '0')
FROM generate_series(1, sample_rows(2000)) AS i;
SELECT setval(pg_get_serial_sequence('addresses', 'id'), (SELECT max(id) FROM addresses));
