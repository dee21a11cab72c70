CREATE TABLE places (id bigint PRIMARY KEY, name text);
CREATE TABLE cities (state text) INHERITS (places);
