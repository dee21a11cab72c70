CREATE TABLE bookings (id bigint PRIMARY KEY, starts_at timestamptz, ends_at timestamptz, CHECK (starts_at < ends_at),
                       from_account_id bigint, to_account_id bigint, min_age int, max_age numeric);
CREATE TABLE rooms (id bigint PRIMARY KEY, valid_from date, valid_to date, EXCLUDE USING gist (daterange(valid_from, valid_to) WITH &&));
