-- The way back from V037__product_reviews.sql.
-- pgkeep:loses public.product_reviews: every review
DROP TABLE product_reviews;
