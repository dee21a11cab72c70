-- Rows.
-- pgkeep:batch key=id size=2000
UPDATE orders SET state = 'new';
-- pgkeep:batch key=id size=2000
DELETE FROM orders WHERE true;
UPDATE orders SET state = 'new' WHERE id = 4;
-- pgkeep:batch key=id size=500
UPDATE orders SET state = 'old';
UPDATE orders SET state = u.state FROM users u;
