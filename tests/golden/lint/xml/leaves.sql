CREATE TABLE invoices (id bigint PRIMARY KEY, body text NOT NULL, xml_hash text);
