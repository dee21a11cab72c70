-- database: shop.json
CREATE OR REPLACE FUNCTION total(order_id bigint, with_tax boolean) RETURNS bigint LANGUAGE sql AS 'SELECT 1';
DROP FUNCTION slug(text);
