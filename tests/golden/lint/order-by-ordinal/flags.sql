SELECT id, name FROM users ORDER BY 2 DESC, id;
