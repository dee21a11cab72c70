-- The way back from V003__products.sql.
-- pgkeep:loses public.products: everything that is sold
DROP TABLE products;
-- pgkeep:loses public.categories: the tree
DROP TABLE categories;
