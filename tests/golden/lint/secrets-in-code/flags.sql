CREATE ROLE app LOGIN PASSWORD 'hunter2';
ALTER ROLE app PASSWORD 'hunter3';
SELECT pgp_sym_encrypt('credit_card_number', 'encryption_key');
SELECT dblink_connect('postgresql://user:pass@host:5432/db?sslmode=require');
CREATE SUBSCRIPTION s CONNECTION 'host=a password=b' PUBLICATION p;
