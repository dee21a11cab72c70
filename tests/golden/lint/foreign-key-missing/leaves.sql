CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, external_id text, stripe_id text);
CREATE TABLE visits (id bigint PRIMARY KEY, user_id text, page_id bigint);
CREATE TABLE logs (id bigint PRIMARY KEY, user_id bigint);
ALTER TABLE logs ADD FOREIGN KEY (user_id) REFERENCES users;
