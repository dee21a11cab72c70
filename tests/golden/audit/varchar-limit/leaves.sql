CREATE TABLE users (id bigint PRIMARY KEY, name text, zip varchar(10), code varchar(256), free varchar);
