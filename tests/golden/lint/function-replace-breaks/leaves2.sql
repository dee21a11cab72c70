-- database: shop.json
CREATE OR REPLACE FUNCTION total(id bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION fresh(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION slug(x text, OUT y text) LANGUAGE sql AS 'SELECT 1';
