-- database: shop.json
ALTER TABLE orders RENAME CONSTRAINT orders_pkey TO orders_key;
ALTER TABLE orders RENAME CONSTRAINT orders_author_fkey TO by_author;
ALTER TABLE orders_by_status RENAME TO orders_status;
