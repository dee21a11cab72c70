CREATE TABLE products (id bigint PRIMARY KEY, price real NOT NULL DEFAULT 0, CHECK (price >= 0));
INSERT INTO products VALUES (1, 12.34);
CREATE TABLE orders (id bigint PRIMARY KEY, total double precision);
CREATE INDEX ON orders (total);
INSERT INTO orders VALUES (1, 0.1), (2, NULL);
CREATE TABLE shown (id bigint PRIMARY KEY, fee real);
CREATE VIEW fees AS SELECT sum(fee) FROM shown;
