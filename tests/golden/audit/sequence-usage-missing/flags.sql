CREATE ROLE g_sequence_usage_missing_app;
CREATE TABLE orders (id serial PRIMARY KEY, total numeric(12, 2));
GRANT SELECT, INSERT, UPDATE ON TABLE orders TO g_sequence_usage_missing_app;
