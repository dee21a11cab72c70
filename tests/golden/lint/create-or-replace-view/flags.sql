-- database: shop.json
CREATE OR REPLACE VIEW recent AS SELECT status, id FROM orders;
CREATE OR REPLACE VIEW recent AS SELECT id FROM orders;
