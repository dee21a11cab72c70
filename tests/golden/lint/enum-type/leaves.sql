CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN mood AS text CHECK (VALUE IN ('sad', 'happy'));
