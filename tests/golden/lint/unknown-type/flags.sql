CREATE TABLE users (id uuid PRIMARY KEY, created_at timestampz NOT NULL DEFAULT now(), n intger);
SELECT $1::jsonbb;
