CREATE TABLE users (id uuid PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), n bigint, f double precision,
                    email citext, place geometry, status order_status, s serial, t tsvector, v vector(3), a int[], w other.timestampz,
                    c character varying(3), b bit varying(5), x interval day to second, z "char", y decimal(3, 1), k nchar(2));
CREATE TYPE dates AS ENUM ('a');
CREATE TABLE t (id bigint PRIMARY KEY, d dates);
CREATE DOMAIN texts AS text;
SELECT 'x'::texts, now()::date, CAST(1 AS float(3));
