CREATE TABLE posts (id bigint PRIMARY KEY REFERENCES things, author_id bigint NOT NULL REFERENCES users, x text);
