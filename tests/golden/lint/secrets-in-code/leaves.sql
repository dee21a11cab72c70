CREATE ROLE app LOGIN;
ALTER ROLE app PASSWORD NULL;
ALTER ROLE app PASSWORD 'SCRAM-SHA-256$4096:a$b:c';
CREATE ROLE app2 LOGIN PASSWORD '${APP_PASSWORD}';
SELECT pgp_sym_encrypt($1, current_setting('app.key'));
SELECT dblink_connect('postgresql://user@host:5432/db');
INSERT INTO help (body) VALUES ('write password=x here');
