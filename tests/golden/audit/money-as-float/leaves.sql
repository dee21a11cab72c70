CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12, 2), tax_rate double precision, total_seconds double precision,
    cost_factor real, latitude double precision, total_weight real);
