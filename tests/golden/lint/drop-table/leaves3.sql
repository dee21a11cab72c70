-- path: migrations/0001_x.down.sql
-- What goes down undoes what went up.
DROP TABLE orders;
