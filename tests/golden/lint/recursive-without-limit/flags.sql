WITH RECURSIVE tree AS (SELECT id FROM nodes WHERE id = 1 UNION ALL SELECT n.id FROM nodes n JOIN tree t ON n.parent_id = t.id)
SELECT id FROM tree;
