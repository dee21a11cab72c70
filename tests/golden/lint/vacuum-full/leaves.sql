CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);
VACUUM users;
VACUUM (ANALYZE) users;
VACUUM FULL orders;
