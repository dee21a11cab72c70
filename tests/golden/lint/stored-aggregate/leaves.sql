CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2), total_amount numeric(12,2), total_cents bigint, total_hours int, totals text);
