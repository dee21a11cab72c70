SELECT id FROM jobs WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE;
UPDATE jobs SET status = 'run' WHERE id = (SELECT id FROM jobs WHERE status = 'new' ORDER BY id FOR UPDATE LIMIT 1);
