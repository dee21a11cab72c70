CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price int NOT NULL, amount int NOT NULL);
SELECT sum(price * amount) FROM items;
SELECT sum(price)::int FROM items;
SELECT CAST(sum(amount) AS integer) AS total FROM items GROUP BY price;
