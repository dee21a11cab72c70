CREATE TABLE users (id bigint PRIMARY KEY, name varchar, code varchar(8), bio text, tags varchar(255)[]);
