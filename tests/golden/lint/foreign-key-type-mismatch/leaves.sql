CREATE TABLE users (id uuid PRIMARY KEY, n serial UNIQUE, code varchar(20) UNIQUE, big bigserial UNIQUE, colour colour UNIQUE);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id uuid NOT NULL REFERENCES users(id),
                    user_n int REFERENCES users (n), user_big bigint REFERENCES users (big),
                    user_code text REFERENCES users (code), other int REFERENCES nobody_knows, c text REFERENCES users (colour));
CREATE TABLE tree (id bigint PRIMARY KEY, parent_id bigint REFERENCES tree);
