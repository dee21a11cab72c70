CREATE SUBSCRIPTION s CONNECTION 'host=db.example.org dbname=shop sslmode=verify-full' PUBLICATION p;
SELECT 'sslmode=require is not enough';
