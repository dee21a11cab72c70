-- database: shop.json
-- No index, no constraint.
ALTER TABLE people DROP COLUMN email;
CREATE TABLE t (a int UNIQUE);
ALTER TABLE t DROP COLUMN a;
