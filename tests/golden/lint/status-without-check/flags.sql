CREATE TABLE payments (id bigint PRIMARY KEY, status TEXT NOT NULL, "accountType" varchar(20));
ALTER TABLE payments ADD COLUMN refund_state text;
