-- People without an account may read the newsletter; the domain keeps out what was never an address.
CREATE DOMAIN email_address AS text CONSTRAINT email_address_has_at CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');
CREATE TABLE newsletter_subscribers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email email_address NOT NULL,
    subscribed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT newsletter_subscribers_email_key UNIQUE (email)
);
INSERT INTO newsletter_subscribers (id, email, subscribed_at) OVERRIDING SYSTEM VALUE
SELECT i, 'reader' || i || '@example.org', timestamptz '2024-02-01 00:00+00' + i * interval '1 hour' FROM generate_series(1, 500) AS i;
SELECT setval(pg_get_serial_sequence('newsletter_subscribers', 'id'), (SELECT max(id) FROM newsletter_subscribers));
