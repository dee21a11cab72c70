CREATE TABLE t (id bigint PRIMARY KEY, email text, code text);
CREATE UNIQUE INDEX t_code ON t (code) WHERE email IS NULL;
INSERT INTO t (id, email) VALUES (1, 'a') ON CONFLICT (email) DO NOTHING;
INSERT INTO t (id, code) VALUES (1, 'a') ON CONFLICT (code) DO NOTHING;
