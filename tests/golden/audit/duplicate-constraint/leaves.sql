-- Alike, but not the same; and a second unique constraint that a foreign key needs.
CREATE TABLE orders (id bigint PRIMARY KEY, number text, total numeric(12, 2), CHECK (total > 0), CHECK (total < 1000000));
ALTER TABLE orders ADD UNIQUE (number), ADD CONSTRAINT later UNIQUE (number, id), ADD CONSTRAINT deferred UNIQUE (number) DEFERRABLE;
CREATE TABLE a (id bigint, UNIQUE (id));
CREATE TABLE b (a_id bigint REFERENCES a (id));
ALTER TABLE a ADD PRIMARY KEY (id);
