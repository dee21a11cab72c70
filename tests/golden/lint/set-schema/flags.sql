ALTER TABLE orders SET SCHEMA archive;
ALTER VIEW shop.recent SET SCHEMA archive;
