-- pg-version: 18
CREATE TABLE a (id uuid PRIMARY KEY DEFAULT uuidv7());
CREATE TABLE b (id uuid PRIMARY KEY);
CREATE TABLE c (id bigint PRIMARY KEY, token uuid DEFAULT gen_random_uuid());
