-- pgkeep:shadow
ALTER TABLE orders SET TABLESPACE fast;
