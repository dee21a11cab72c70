-- path: R__views.sql
CREATE TABLE IF NOT EXISTS t (a int);
