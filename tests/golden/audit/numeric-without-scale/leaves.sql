CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12, 2), ratio numeric, tax_rate numeric);
