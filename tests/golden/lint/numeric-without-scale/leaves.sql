CREATE TABLE orders (id bigint PRIMARY KEY, price numeric(10,2), pi numeric, discount_percent numeric, prices numeric[]);
