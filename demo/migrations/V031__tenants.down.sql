-- The way back from V031__tenants.sql.
-- pgkeep:loses public.customer_notes: every note
DROP TABLE customer_notes;
-- pgkeep:loses public.tenants: every tenant
DROP TABLE tenants;
