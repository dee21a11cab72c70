WITH RECURSIVE tree AS (SELECT id FROM nodes WHERE id = 1 UNION SELECT n.id FROM nodes n JOIN tree t ON n.parent_id = t.id) SELECT id FROM tree;
WITH RECURSIVE tree AS (SELECT id, 1 AS d FROM nodes UNION ALL SELECT n.id, d + 1 FROM nodes n JOIN tree t ON n.parent_id = t.id WHERE d < 9) SELECT id FROM tree;
WITH RECURSIVE tree AS (SELECT id FROM nodes UNION ALL SELECT n.id FROM nodes n JOIN tree t ON n.parent_id = t.id) CYCLE id SET c USING p SELECT id FROM tree;
WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT 2) SELECT x FROM a;
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 5;
