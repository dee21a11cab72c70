ALTER TABLE orders RENAME COLUMN author_id TO user_id;
ALTER TABLE shop.orders RENAME "Old" TO new;
