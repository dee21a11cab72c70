-- path: app/save.sql
INSERT INTO users (email) VALUES ('a@b') ON CONFLICT (email) DO NOTHING;
INSERT INTO users (email) SELECT email FROM people p WHERE NOT EXISTS (SELECT FROM banned b WHERE b.email = p.email);
