CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE transfers (id bigint PRIMARY KEY, sender_id bigint REFERENCES users (id), receiver_id bigint REFERENCES users (id));
CREATE TABLE people (id bigint PRIMARY KEY REFERENCES users (id));
