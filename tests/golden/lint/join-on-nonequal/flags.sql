SELECT a.id FROM users a JOIN users b ON a.id <> b.id;
