CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint REFERENCES users, editor_id bigint REFERENCES users,
                    FOREIGN KEY (author_id) REFERENCES authors);
