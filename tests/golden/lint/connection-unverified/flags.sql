CREATE SUBSCRIPTION s CONNECTION 'host=db.example.org dbname=shop sslmode=require' PUBLICATION p;
SELECT dblink_connect('postgresql://db.example.org/shop?sslmode=prefer');
