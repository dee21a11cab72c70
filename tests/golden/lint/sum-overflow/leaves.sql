CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price int NOT NULL, amount bigint NOT NULL);
SELECT sum(price * amount) FROM items;
SELECT sum(price), sum(price::bigint * price), sum(price)::bigint, sum(price * 2) FROM items;
SELECT sum(a * b), count(*)::int FROM elsewhere;
