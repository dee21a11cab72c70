CREATE TABLE coupons (code text PRIMARY KEY, valid_from date, valid_to date);
CREATE TABLE slots (id bigint PRIMARY KEY, starts_at timestamptz, ends_at timestamptz);
