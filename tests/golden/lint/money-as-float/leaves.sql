CREATE TABLE orders (id bigint PRIMARY KEY, unit_price numeric(12,2), tax_rate double precision,
                     price_ratio real, total_weight float, amount_cents bigint);
CREATE TEMP TABLE scratch (price float);
