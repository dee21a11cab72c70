-- database: shop.json
-- The online way to a new column with a default.
ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE orders ALTER COLUMN kind SET DEFAULT 1;
ALTER TABLE orders ALTER COLUMN author_id SET DEFAULT 1;
ALTER TABLE orders ALTER COLUMN status DROP DEFAULT;
