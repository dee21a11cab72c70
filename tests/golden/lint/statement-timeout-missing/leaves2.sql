CREATE INDEX i ON posts (id);
