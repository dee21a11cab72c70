CREATE TABLE addresses (id bigint PRIMARY KEY, country char(2), flag "char");
INSERT INTO addresses VALUES (1, 'DE', 'x');
