CREATE TABLE invoices (id bigint PRIMARY KEY, pdf_hash bytea NOT NULL, digest bytea, pdf_address text);
