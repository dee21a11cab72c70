CREATE TABLE orders (id bigint PRIMARY KEY, price numeric, balance decimal NOT NULL);
