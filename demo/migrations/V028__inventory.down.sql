-- The way back from V028__inventory.sql.
-- pgkeep:loses public.inventory: what lies where
DROP TABLE inventory;
