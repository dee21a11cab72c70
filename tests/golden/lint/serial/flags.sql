CREATE TABLE a (id serial PRIMARY KEY, n smallserial);
ALTER TABLE b ADD COLUMN id bigserial;
