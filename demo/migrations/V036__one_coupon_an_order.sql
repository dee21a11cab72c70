-- Somebody stacked nine coupons. The index is built beside the traffic and becomes the constraint afterwards.
CREATE UNIQUE INDEX CONCURRENTLY coupon_uses_order_id_key ON coupon_uses (order_id);
ALTER TABLE coupon_uses ADD CONSTRAINT coupon_uses_order_id_key UNIQUE USING INDEX coupon_uses_order_id_key;
