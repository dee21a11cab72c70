ALTER TYPE status RENAME VALUE 'new' TO 'open';
ALTER TYPE shop.status RENAME VALUE 'it''s' TO 'its';
