-- The way back from V036__one_coupon_an_order.sql.
ALTER TABLE coupon_uses DROP CONSTRAINT coupon_uses_order_id_key;
