-- pg-version: 14
CREATE INDEX CONCURRENTLY users_name ON users (name);
