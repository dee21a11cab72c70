CREATE TABLE events (at timestamptz NOT NULL, what text);
CREATE TABLE public.tokens (token text NOT NULL UNIQUE);
