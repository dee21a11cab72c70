-- The way back from V035__coupons.sql.
-- pgkeep:loses public.coupon_uses: which order used which coupon
DROP TABLE coupon_uses;
-- pgkeep:loses public.coupons: every coupon
DROP TABLE coupons;
