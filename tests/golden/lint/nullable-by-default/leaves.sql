CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, c date NOT NULL);
CREATE TABLE s (id bigint PRIMARY KEY, a int, b text);
