CREATE TABLE handlers (id bigint PRIMARY KEY, procedure regprocedure);
INSERT INTO handlers VALUES (1, 'lower(text)');
