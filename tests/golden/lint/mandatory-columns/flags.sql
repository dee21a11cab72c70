-- mandatory-columns: id created_at
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12, 2) NOT NULL);
CREATE TABLE logs (line text NOT NULL);
