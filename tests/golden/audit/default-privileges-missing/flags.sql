CREATE ROLE g_default_privileges_missing_app LOGIN;
CREATE ROLE "g_default_privileges_missing_{0} ""x""" LOGIN;
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO g_default_privileges_missing_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO "g_default_privileges_missing_{0} ""x""";
