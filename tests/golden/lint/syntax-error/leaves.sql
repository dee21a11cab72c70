-- why
CREATE TABLE a (b int);
\echo done
COPY a FROM stdin;
1
x y z
\.
SELECT $$;$$, ';';
