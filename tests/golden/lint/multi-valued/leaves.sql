SELECT id FROM t WHERE name LIKE '%a%' AND city LIKE 'Bern, %';
