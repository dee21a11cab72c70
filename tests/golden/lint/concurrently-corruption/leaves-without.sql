-- database: fourteen.json
CREATE INDEX users_name ON users (name);
REINDEX INDEX users_pkey;
