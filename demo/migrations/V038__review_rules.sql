-- The old shop knew no stars at all and products that are gone; from now on the server knows better.
-- pgkeep:batch key=id size=300
UPDATE product_reviews SET rating = 1 WHERE rating < 1;
ALTER TABLE product_reviews ADD CONSTRAINT product_reviews_rating_range CHECK (rating BETWEEN 1 AND 5) NOT VALID;
ALTER TABLE product_reviews ADD CONSTRAINT product_reviews_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id) NOT VALID;
-- pgkeep:step
ALTER TABLE product_reviews ADD CONSTRAINT product_reviews_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
-- pgkeep:step
ALTER TABLE product_reviews VALIDATE CONSTRAINT product_reviews_rating_range;
-- pgkeep:step
ALTER TABLE product_reviews VALIDATE CONSTRAINT product_reviews_product_id_fkey;
-- pgkeep:step
ALTER TABLE product_reviews VALIDATE CONSTRAINT product_reviews_user_id_fkey;
