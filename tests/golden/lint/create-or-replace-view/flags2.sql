CREATE VIEW v (a, b) AS SELECT id, status FROM orders;
CREATE OR REPLACE VIEW v AS SELECT id AS a, status AS c FROM orders;
