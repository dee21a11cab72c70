-- path: db/change.sql
-- Two transactions: between them the old name means nothing.
ALTER TABLE orders RENAME TO purchases;
CREATE VIEW orders AS SELECT * FROM purchases;
