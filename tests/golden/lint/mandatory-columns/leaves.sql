-- mandatory-columns: id created_at
CREATE TABLE orders (id bigint PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());
CREATE TEMPORARY TABLE scratch (line text);
CREATE TABLE copies (LIKE orders);
CREATE TABLE orders_2024 PARTITION OF events FOR VALUES FROM (1) TO (2);
