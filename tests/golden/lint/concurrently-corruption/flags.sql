-- database: fourteen.json
CREATE INDEX CONCURRENTLY users_name ON users (name);
REINDEX INDEX CONCURRENTLY users_pkey;
