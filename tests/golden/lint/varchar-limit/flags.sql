CREATE TABLE users (id bigint PRIMARY KEY, name varchar(255) NOT NULL);
ALTER TABLE users ADD COLUMN city character varying(255);
