CREATE TABLE t (a int);
TRUNCATE t;
CREATE TEMP TABLE u (a int);
TRUNCATE u CASCADE;
-- Said by truncate-cascade.
TRUNCATE orders CASCADE;
