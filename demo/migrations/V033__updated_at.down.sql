-- The way back from V033__updated_at.sql.
DROP TRIGGER products_touch ON products;
DROP FUNCTION touch_updated_at();
-- pgkeep:loses public.products.updated_at: when a product changed last
ALTER TABLE products DROP COLUMN updated_at;
