-- path: deploy/change.sql
CREATE TABLE IF NOT EXISTS t (a int);
SELECT 1;
