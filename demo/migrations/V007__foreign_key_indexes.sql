-- Deleting a product or an account read whole tables: foreign keys do not bring an index along.
CREATE INDEX CONCURRENTLY addresses_user_id ON addresses (user_id);
CREATE INDEX CONCURRENTLY order_items_product_id ON order_items (product_id);
