CREATE TABLE bookings (id bigint PRIMARY KEY, starts_at timestamptz, ends_at timestamptz, min_price numeric(9,2), max_price numeric(9,2));
