INSERT INTO users (id, name) VALUES (1, 'a');
INSERT INTO users DEFAULT VALUES;
CREATE TEMP TABLE scratch (id int);
INSERT INTO scratch VALUES (1);
