ALTER TYPE status ADD VALUE 'held' AFTER 'new';
ALTER TYPE status ADD VALUE 'lost' BEFORE 'held';
ALTER TYPE status RENAME VALUE 'a' TO 'b';
