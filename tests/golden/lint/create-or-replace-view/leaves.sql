-- database: shop.json
CREATE OR REPLACE VIEW recent AS SELECT id, status, author_id FROM orders;
CREATE OR REPLACE VIEW recent AS SELECT * FROM orders;
CREATE OR REPLACE VIEW fresh AS SELECT 1 AS one;
CREATE VIEW other AS SELECT status FROM orders;
