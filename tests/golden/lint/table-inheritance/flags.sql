CREATE TABLE capitals (state text PRIMARY KEY) INHERITS (cities);
