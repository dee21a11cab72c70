CREATE TABLE invoices (id bigint PRIMARY KEY, body xml NOT NULL);
