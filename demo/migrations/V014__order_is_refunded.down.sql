-- The way back from V014__order_is_refunded.sql: a word of an enum cannot be taken out, but nobody need use it.
SELECT 1;
