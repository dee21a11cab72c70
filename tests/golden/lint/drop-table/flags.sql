DROP TABLE orders;
DROP TABLE IF EXISTS shop.orders, "Old Orders" CASCADE;
