-- The way back from V029__product_search.sql.
DROP INDEX CONCURRENTLY products_name_trgm;
DROP EXTENSION pg_trgm;
