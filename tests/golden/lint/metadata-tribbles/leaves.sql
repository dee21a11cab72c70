CREATE TABLE people (id bigint PRIMARY KEY, address1 text, address2 text, q1 int, q2 numeric(3,1), q3 text, sha256 text, md5 text, utf8 text);
