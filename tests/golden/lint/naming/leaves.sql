CREATE TABLE orders (id bigint PRIMARY KEY, name text, "firstName" text, value int, "type" text);
