-- The way back from V048__shipments.sql.
-- pgkeep:loses public.shipments: where every parcel is
DROP TABLE shipments;
