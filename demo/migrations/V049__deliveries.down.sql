-- The way back from V049__deliveries.sql.
DROP VIEW shipments;
ALTER TABLE deliveries RENAME TO shipments;
