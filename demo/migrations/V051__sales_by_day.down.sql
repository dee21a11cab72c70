-- The way back from V051__sales_by_day.sql. What R__ files make stands on tables that may go next, so it goes first.
DROP VIEW IF EXISTS customer_totals;
DROP VIEW IF EXISTS order_overview;
DROP FUNCTION IF EXISTS order_total(bigint);
DROP MATERIALIZED VIEW sales_by_day;
