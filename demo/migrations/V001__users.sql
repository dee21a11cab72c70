-- Whoever buys here has an account, and everything else refers to it.
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    legacy_notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_key UNIQUE (email)
);
COMMENT ON TABLE users IS 'Accounts of customers';

-- How many rows of samples the files after this one put in: `ALTER DATABASE shop SET shop.sample_scale = 10` for more.
CREATE FUNCTION sample_rows(base integer) RETURNS integer LANGUAGE sql STABLE
    AS $$ SELECT (base * coalesce(nullif(current_setting('shop.sample_scale', true), ''), '1')::numeric)::integer $$;

-- Numbers of samples are given, not drawn: a run that was cut off and begun again makes the same rows.
INSERT INTO users (id, email, name, legacy_notes, created_at) OVERRIDING SYSTEM VALUE
SELECT i, 'user' || i || '@example.org', 'User ' || i, CASE WHEN i % 7 = 0 THEN 'called' END,
       timestamptz '2023-01-01 00:00+00' + i * interval '9 minutes'
FROM generate_series(1, sample_rows(2000)) AS i;
SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT max(id) FROM users));
