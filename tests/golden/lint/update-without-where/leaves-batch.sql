-- pgkeep:batch key=id size=5000
UPDATE orders SET state = 'new';
