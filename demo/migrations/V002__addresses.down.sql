-- The way back from V002__addresses.sql.
-- pgkeep:loses public.addresses: every address
DROP TABLE addresses;
