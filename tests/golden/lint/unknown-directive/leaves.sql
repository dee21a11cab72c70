-- pgkeep:loses public.users.fax: nobody has read it since March
-- pgkeep: a remark, and no directive
/* -- pgkeep:bacth */
-- pgkeep:batch key=id size=5000 max-lag=5s

-- A remark between them.
UPDATE orders SET state = 'new' WHERE state IS NULL;
-- pgkeep:step
-- pgkeep:shadow
-- pgkeep:ignore change-column-type: the shadow does it
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
SELECT '
-- pgkeep:bacth';
