-- The way back from V047__invoice_numbers.sql.
-- pgkeep:loses public.invoices: every invoice
DROP TABLE invoices;
