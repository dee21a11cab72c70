-- The way back from V034__payment_log.sql.
DROP TRIGGER payments_log ON payments;
DROP FUNCTION log_payment();
-- pgkeep:loses public.payment_log: who changed what
DROP TABLE payment_log;
