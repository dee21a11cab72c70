DROP FUNCTION total(bigint);
DROP PROCEDURE IF EXISTS shop.clean;
