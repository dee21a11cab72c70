-- The way back from V006__payments.sql.
-- pgkeep:loses public.payments: every payment
DROP TABLE payments;
