CREATE TABLE coupons (code text PRIMARY KEY, valid_from date, valid_to date, CHECK (valid_from <= valid_to));
CREATE TABLE transfers (id bigint PRIMARY KEY, from_id bigint, to_id bigint, from_name text, to_name text);
CREATE TABLE slots (id bigint PRIMARY KEY, starts_at timestamptz, ends_at timestamptz,
    EXCLUDE USING gist (tstzrange(starts_at, ends_at) WITH &&));
