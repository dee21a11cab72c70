-- Faster lists.

-- One that stays.
CREATE INDEX CONCURRENTLY orders_day ON orders (day);
/* with
   layout */ CREATE UNIQUE INDEX CONCURRENTLY
  orders_email ON shop.orders (lower(email), "Order No")
  WHERE email <> ';'; -- behind it
CREATE INDEX CONCURRENTLY ON orders USING gin (tags);
DROP INDEX CONCURRENTLY old_one;
DROP INDEX CONCURRENTLY shop.old_two;
DROP INDEX old_three CASCADE;
REINDEX (VERBOSE) TABLE CONCURRENTLY orders;
REINDEX INDEX CONCURRENTLY orders_day;
CREATE TABLE fresh (id bigint PRIMARY KEY, a int);
CREATE INDEX fresh_a ON fresh (a);
