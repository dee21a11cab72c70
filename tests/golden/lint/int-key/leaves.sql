CREATE TABLE payments (id bigserial PRIMARY KEY, n serial);
CREATE TABLE colours (id smallint PRIMARY KEY, name text);
CREATE TABLE a (a_id int, b_id int, PRIMARY KEY (a_id, b_id));
CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
