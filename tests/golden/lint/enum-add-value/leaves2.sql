-- pg-version: 18
CREATE TYPE status AS ENUM ('new');
ALTER TYPE status ADD VALUE 'held';
SELECT 'held'::status;
