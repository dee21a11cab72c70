CREATE TABLE addresses (id bigint PRIMARY KEY, country text CHECK (char_length(country) = 2), zip varchar(10));
