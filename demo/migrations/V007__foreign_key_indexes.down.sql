-- The way back from V007__foreign_key_indexes.sql.
DROP INDEX CONCURRENTLY order_items_product_id;
DROP INDEX CONCURRENTLY addresses_user_id;
