CREATE TABLE t (id bigint PRIMARY KEY, ip inet, zip_address text, zip text, tip text, address text);
