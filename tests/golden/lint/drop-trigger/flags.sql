DROP TRIGGER touch ON orders;
DROP TRIGGER IF EXISTS "Log" ON shop.orders;
