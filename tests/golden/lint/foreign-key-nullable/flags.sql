CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint REFERENCES users, a int NOT NULL, b int, FOREIGN KEY (a, b) REFERENCES two (a, b));
