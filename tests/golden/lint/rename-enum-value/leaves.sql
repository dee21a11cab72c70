ALTER TYPE status ADD VALUE 'open';
ALTER TYPE status RENAME TO state;
