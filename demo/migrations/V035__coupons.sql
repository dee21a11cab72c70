-- Ten percent off, for a while.
CREATE TABLE coupons (
    code text PRIMARY KEY,
    percent numeric(4, 1) NOT NULL CONSTRAINT coupons_percent_range CHECK (percent > 0 AND percent <= 100),
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    valid daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]')) STORED,
    CONSTRAINT coupons_not_backwards CHECK (valid_from <= valid_to)
);
CREATE INDEX coupons_valid ON coupons USING gist (valid);
INSERT INTO coupons (code, percent, valid_from, valid_to)
SELECT 'SAVE' || i, 1 + i % 50, date '2024-01-01' + i, date '2024-03-01' + i FROM generate_series(1, 100) AS i;
CREATE TABLE coupon_uses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coupon_code text NOT NULL REFERENCES coupons (code),
    order_id bigint NOT NULL REFERENCES orders (id)
);
CREATE INDEX coupon_uses_coupon_code ON coupon_uses (coupon_code);
INSERT INTO coupon_uses (id, coupon_code, order_id) OVERRIDING SYSTEM VALUE
SELECT i, 'SAVE' || 1 + i % 100, i FROM generate_series(1, sample_rows(1000)) AS i;
SELECT setval(pg_get_serial_sequence('coupon_uses', 'id'), (SELECT max(id) FROM coupon_uses));
