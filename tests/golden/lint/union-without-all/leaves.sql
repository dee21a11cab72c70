SELECT id FROM posts UNION SELECT id FROM pages;
SELECT 'post' AS kind, id FROM posts UNION ALL SELECT 'page', id FROM pages;
SELECT 'post' AS kind, id FROM posts UNION SELECT 'post', id FROM pages;
SELECT 'post' AS kind, id FROM posts EXCEPT SELECT 'page', id FROM pages;
