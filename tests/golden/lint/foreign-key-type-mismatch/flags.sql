CREATE TABLE users (id uuid PRIMARY KEY, n int UNIQUE, code varchar(20) UNIQUE, big bigserial UNIQUE);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint NOT NULL REFERENCES users(id) ON DELETE CASCADE,
                    user_text text REFERENCES users,
                    user_n bigint REFERENCES users (n), user_big integer REFERENCES users (big),
                    user_code varchar(10) REFERENCES users (code));
