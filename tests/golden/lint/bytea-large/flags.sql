CREATE TABLE invoices (id bigint PRIMARY KEY, pdf bytea NOT NULL);
ALTER TABLE users ADD COLUMN profile_image bytea;
