SELECT 'post' AS kind, id FROM posts UNION SELECT 'page', id FROM pages;
