-- What an application of five years has collected in the cluster: a superuser for the application, old passwords, no timeouts.
SET password_encryption = 'md5';
CREATE ROLE shop_app LOGIN SUPERUSER PASSWORD 'shop_app';
CREATE ROLE shop_report LOGIN PASSWORD 'report-2019' CREATEROLE;
CREATE ROLE shop_admin LOGIN SUPERUSER PASSWORD 'admin-2019';
CREATE ROLE shop_worker LOGIN;
RESET password_encryption;
