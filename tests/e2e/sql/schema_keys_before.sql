-- Keys, names and what depends on rows' types, before and after: test_migrate_new_schema.py.
CREATE TABLE emp (id int PRIMARY KEY, boss int REFERENCES emp(id), dept int); CREATE TABLE dept (id int PRIMARY KEY, name text UNIQUE, code int);
ALTER TABLE emp ADD FOREIGN KEY (dept) REFERENCES dept(id);
CREATE FUNCTION emps(d dept) RETURNS SETOF emp LANGUAGE sql STABLE AS 'SELECT * FROM emp WHERE dept = d.id';
CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM emp; END;
CREATE VIEW grouped AS SELECT d.id, d.name, count(*) FROM dept d JOIN emp e ON e.dept = d.id GROUP BY d.id;
CREATE TABLE old_name (k text PRIMARY KEY, v text, w text); CREATE INDEX old_name_v_idx ON old_name (v); CREATE SEQUENCE lonely;
CREATE TABLE un (id serial, g int GENERATED ALWAYS AS IDENTITY, h int);
