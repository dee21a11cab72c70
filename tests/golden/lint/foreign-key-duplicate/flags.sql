CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint REFERENCES users,
                    CONSTRAINT again FOREIGN KEY (author_id) REFERENCES users (id));
