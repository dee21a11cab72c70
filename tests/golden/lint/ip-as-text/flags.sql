CREATE TABLE t (id bigint PRIMARY KEY, ip text, client_ip varchar(45), ip_address text);
