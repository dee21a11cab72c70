ALTER TABLE orders RENAME TO purchases;
ALTER VIEW shop.recent RENAME TO latest;
