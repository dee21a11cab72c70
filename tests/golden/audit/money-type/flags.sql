CREATE TABLE payments (id bigint PRIMARY KEY, amount money DEFAULT 0, fee money CHECK (fee > '0'::money));
INSERT INTO payments VALUES (1, 12.34, 1);
