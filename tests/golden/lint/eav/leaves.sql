CREATE TABLE settings (user_id bigint, key text, value text, PRIMARY KEY (user_id, key));
CREATE TABLE t (id bigint PRIMARY KEY, attribute text, score int, value numeric(9,2));
