-- The way back from V038__review_rules.sql; the ratings stay as they were mended.
ALTER TABLE product_reviews DROP CONSTRAINT product_reviews_user_id_fkey;
-- pgkeep:step
ALTER TABLE product_reviews DROP CONSTRAINT product_reviews_product_id_fkey;
-- pgkeep:step
ALTER TABLE product_reviews DROP CONSTRAINT product_reviews_rating_range;
