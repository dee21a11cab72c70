CREATE TABLE users (id bigint PRIMARY KEY, code varchar(3), body text CHECK (char_length(body) = 3));
CREATE TEMP TABLE t (code char(3));
