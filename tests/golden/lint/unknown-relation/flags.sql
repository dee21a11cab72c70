-- database: db.json
SELECT id FROM orderss;
UPDATE public.user SET email = 'x' WHERE id = 1;
