SELECT * FROM pg_enum;
DELETE FROM enums WHERE label = 'held';
ALTER TYPE status RENAME VALUE 'a' TO 'b';
