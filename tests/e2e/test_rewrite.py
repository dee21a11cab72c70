"""`pgkeep migrate rewrite` proved on real servers: for each operation the plain statement in one database and the rewritten files in another,
with the same rows, end in the same schema and the same rows; while both versions live, what is written by the old name shows under the new
one and the reverse; going down ends where it began; lint finds no error in what comes out; rewriting twice changes nothing.
"""
import re

from support import Server, folder, pgkeep, run

SETUP = """
CREATE ROLE reader; CREATE ROLE writer;
"""

SHOP = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE customers (id serial PRIMARY KEY, email varchar(80) NOT NULL, name text, code int);
CREATE TABLE orders (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id int NOT NULL DEFAULT 1,
  total numeric(10,2) CHECK (total >= 0),
  quantity int NOT NULL DEFAULT 7 CHECK (quantity > 0),
  status varchar(10) DEFAULT 'new',
  seen timestamp,
  extra json,
  parent_id int REFERENCES orders (id));
COMMENT ON COLUMN orders.quantity IS 'how many, it''s a number';
CREATE INDEX orders_quantity ON orders (quantity DESC, customer_id) WHERE quantity > 2;
CREATE INDEX orders_quantity_double ON orders ((quantity * 2)) INCLUDE (status);
CREATE UNIQUE INDEX orders_quantity_id ON orders (id, quantity);
CREATE INDEX orders_status ON orders (status);
CREATE TABLE items (id bigint PRIMARY KEY, order_id int NOT NULL, note text, CONSTRAINT items_of_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE);
INSERT INTO customers (email, name, code) SELECT 'c' || i || '@example.org', 'n' || i, i FROM generate_series(1, 300) i;
INSERT INTO orders (customer_id, total, quantity, status, seen, extra, parent_id)
  SELECT 1 + i % 300, i, 1 + i % 9, 's' || i % 7, timestamp '2026-01-01' + i * interval '1 minute', '{"a": 1}', nullif(i % 5, 0) FROM generate_series(1, 12000) i;
INSERT INTO items SELECT i, 1 + i % 12000, 'x' FROM generate_series(1, 500) i;
CREATE TABLE logs (id bigint, day date NOT NULL, customer_id int) PARTITION BY RANGE (day);
CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE logs_new PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
CREATE TABLE bare (a int, b text);
INSERT INTO bare SELECT i, i FROM generate_series(1, 20) i;
INSERT INTO logs SELECT i, date '2025-06-01' + i, 1 + i % 300 FROM generate_series(1, 700) i;
GRANT SELECT, INSERT ON customers TO writer; GRANT SELECT ON customers TO PUBLIC;
ANALYZE;
"""

# name: (SQL, options). same_rows False: the plain form draws other values.
CASES = {
    "index": "CREATE INDEX orders_total ON orders (total) WHERE total > 5;",
    "index_without_name": "CREATE INDEX ON orders (customer_id, lower(status)) INCLUDE (id);",
    "index_of_partitions": "CREATE INDEX logs_customer ON logs (customer_id);",
    "unique_index_of_partitions": "CREATE UNIQUE INDEX ON logs (id, day);",
    "drop_index": "DROP INDEX orders_status, orders_quantity;",
    "reindex": "REINDEX TABLE orders;",
    "foreign_key": "ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE DEFERRABLE;",
    "foreign_key_without_name": "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;",
    "foreign_key_of_partitions": "ALTER TABLE logs ADD FOREIGN KEY (customer_id) REFERENCES customers (id);",
    "check": "ALTER TABLE orders ADD CONSTRAINT cheap CHECK (total < 1000000);",
    "checks_without_names": "ALTER TABLE orders ADD CHECK (total < 1000000), ADD CHECK (total < quantity * 100000), ALTER quantity SET DEFAULT 9;",
    "set_not_null": "ALTER TABLE orders ALTER COLUMN total SET NOT NULL;",
    "set_not_null_of_partitions": "ALTER TABLE logs ALTER COLUMN customer_id SET NOT NULL;",
    "unique": "ALTER TABLE customers ADD UNIQUE (email) INCLUDE (name);",
    "unique_named": "ALTER TABLE customers ADD CONSTRAINT one_code UNIQUE NULLS NOT DISTINCT (code, email) WITH (fillfactor = 80) DEFERRABLE INITIALLY DEFERRED;",
    "unique_of_partitions": "ALTER TABLE logs ADD UNIQUE (id, day);",
    "primary_key": "ALTER TABLE bare ADD PRIMARY KEY (a, b);",
    "primary_key_of_index": "CREATE UNIQUE INDEX CONCURRENTLY bare_key ON bare (a, b); ALTER TABLE bare ADD CONSTRAINT bare_key PRIMARY KEY USING INDEX bare_key;",
    # On 18 each partition keeps a NOT NULL of its own on the way down: known, and harmless to the rows that are there.
    "primary_key_of_partitions": ("ALTER TABLE logs ADD CONSTRAINT logs_key PRIMARY KEY (id, day);", {"down_before": 18}),
    "volatile_default": ("ALTER TABLE orders ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, ADD COLUMN plain int NOT NULL DEFAULT 3;", {"same_rows": False}),
    "stable_default": "ALTER TABLE orders ADD COLUMN day date NOT NULL DEFAULT '2026-01-01' CHECK (day > '2000-01-01');",
    "serial": ("ALTER TABLE customers ADD COLUMN number bigserial;", {"same_rows": False}),
    "identity": ("ALTER TABLE customers ADD COLUMN number int GENERATED BY DEFAULT AS IDENTITY;", {"same_rows": False}),
    "identity_key": ("ALTER TABLE customers ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE;", {"same_rows": False}),
    "column_with_constraints": "ALTER TABLE orders ADD COLUMN buyer int REFERENCES customers ON DELETE SET NULL CONSTRAINT buyer_known CHECK (buyer > 0) UNIQUE;",
    "type_of_column": "ALTER TABLE orders ALTER COLUMN quantity TYPE bigint;",
    "type_with_text_default": "ALTER TABLE orders ALTER COLUMN status SET DATA TYPE varchar(4);",
    "type_with_using": ("ALTER TABLE orders ALTER COLUMN total TYPE bigint USING (total * 100)::bigint;", {"down": False}),
    "type_to_zone": "SET timezone = 'Europe/Berlin'; ALTER TABLE orders ALTER COLUMN seen TYPE timestamptz USING seen AT TIME ZONE 'UTC';",
    "type_of_json": "ALTER TABLE orders ALTER COLUMN extra TYPE jsonb;",
    "type_of_identity_key": "ALTER TABLE orders ALTER COLUMN id TYPE bigint;",
    "type_of_serial_key": "ALTER TABLE customers ALTER COLUMN id TYPE bigint;",
    "type_of_reference": "ALTER TABLE items ALTER COLUMN order_id TYPE bigint;",
    "type_that_is_free": ("ALTER TABLE orders ALTER COLUMN status TYPE text;", {"unchanged": True}),
    "several_types": "ALTER TABLE orders ALTER COLUMN quantity TYPE bigint, ALTER COLUMN total TYPE numeric(20,4);",
    "rename_column": "ALTER TABLE orders RENAME COLUMN quantity TO amount;",
    "rename_key": "ALTER TABLE customers RENAME id TO customer;",
    "rename_table": "ALTER TABLE customers RENAME TO buyers;",
    "update": "UPDATE orders SET status = 'old' WHERE seen < '2026-01-05';",
    "delete": "DELETE FROM orders WHERE id > 600;",
    "unlogged": "ALTER TABLE items SET UNLOGGED;",
    "vacuum_full": "VACUUM FULL customers;",
    "mixed": "-- One.\nCREATE TABLE fresh (id int PRIMARY KEY);\nCREATE INDEX ON fresh (id);\nINSERT INTO fresh VALUES (1);\nCREATE INDEX ON orders (seen);\nALTER TABLE orders ADD note text;\nALTER TABLE orders ADD CHECK (note <> '');\nINSERT INTO fresh VALUES (2);\n",
    "safe": ("CREATE INDEX CONCURRENTLY x ON orders (seen);\nALTER TABLE orders ADD a int; -- fine\nALTER TABLE orders ADD CHECK (a > 0) NOT VALID;\n", {"unchanged": True}),
}

SCHEMA = """
SELECT 'column', c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
    a.attidentity::text, a.attgenerated::text, a.attcollation, col_description(c.oid, a.attnum))
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
UNION ALL
SELECT 'relation', c.relname, concat_ws(' ', c.relkind::text, c.relpersistence::text, c.reloptions::text, (SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(c.relacl) x))
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'i', 'I', 'S')
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, concat_ws(' ', pg_get_constraintdef(oid), convalidated, conparentid <> 0, coninhcount, contype <> 'n' AND conislocal, conindid::regclass)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', i.indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisprimary, (SELECT inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.indexrelid))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'sequence', s.sequencename::text, concat_ws(' ', s.data_type, s.start_value, s.min_value, s.max_value, s.increment_by, s.cycle,
    (SELECT concat_ws(' ', refobjid::regclass, a.attname, deptype::text) FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
       WHERE d.objid = ('public.' || quote_ident(s.sequencename))::regclass AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')),
    CASE WHEN %s THEN last_value END)
  FROM pg_sequences s WHERE schemaname = 'public'
ORDER BY 1, 2, 3
"""

STEP = re.compile(r"^\s*--\s*pgkeep:step\s*$", re.M)
ALONE = re.compile(r"^(CREATE (UNIQUE )?INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY|REINDEX|VACUUM)", re.I)


def statements(text):
    """(comments and directives before it, the statement) of each; strings, quoted names and dollar quotes hold no semicolons of ours."""
    token = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"|\$(\w*)\$.*?\$\1\$|;|[^;'\"$/-]+|.", re.S)
    before, sql = "", ""
    for match in token.finditer(text):
        piece = match.group(0)
        if piece == ";":
            yield before, sql.strip()
            before, sql = "", ""
        elif (piece.startswith("--") or piece.startswith("/*")) and not sql.strip():
            before += piece + "\n"
        else:
            sql += piece
    assert not sql.strip(), sql
    if before:
        yield before, ""


def run_files(server, database, texts):
    """What pgkeep's runner does, in short: a transaction a step; CONCURRENTLY, batches and shadow tables alone and in one piece."""
    for text in texts:
        group = []

        def flush():
            if group:
                server.psql("BEGIN;\n" + ";\n".join(group) + ";\nCOMMIT;", database)
            group.clear()

        for before, sql in statements(text):
            if STEP.search(before):
                flush()
            if not sql:
                continue
            if ALONE.match(sql) or "pgkeep:batch" in before or "pgkeep:shadow" in before:
                flush()
                server.psql(sql, database)
            else:
                group.append(sql)
        flush()


def schema(server, database, with_values=True):
    return [" | ".join(row) for row in server.psql(SCHEMA % ("true" if with_values else "false"), database)]


def rows(server, database):
    tables = [row[0] for row in server.psql("SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1", database)]
    return {table: server.psql(f"SELECT count(*), sum(hashtextextended(to_jsonb(t)::text, 0)) FROM {table} t", database) for table in tables}


def counts(server, database):
    return {table: values[0][0] for table, values in rows(server, database).items()}


def difference(left, right):
    return "\n".join([f"- {x}" for x in left if x not in right] + [f"+ {x}" for x in right if x not in left])


def rewritten(home, server, database, sql):
    """The files, by what they are: up, down, and those of the contract."""
    home.mkdir()
    path = home / "V007__case.sql"
    path.write_text(sql if sql.startswith("--") else "-- A case.\n" + sql)
    result = pgkeep("migrate", "rewrite", "--database", server.uri(database), "--out", home / "out", path)
    texts = {file.name: file.read_text() for file in (home / "out").iterdir()}
    names = {"V007__case.sql": "up", "V007__case.down.sql": "down", "V008__case_contract.sql": "later", "V008__case_contract.down.sql": "later_down"}
    assert set(texts) <= set(names), texts.keys()
    return {names[name]: text for name, text in texts.items()}, result.stderr


def check_lint(home, server, database):
    files = [file for file in sorted((home / "out").iterdir()) if not file.name.endswith(".down.sql")]
    for words in (["--database", server.uri(database)], ["--pg-version", str(server.major)]):
        result = pgkeep("lint", *words, "--format", "github", "--fail-on", "error", *files, check=False)
        assert result.returncode == 0, result.stdout


def check_twice(home, server, database):
    for file in sorted((home / "out").iterdir()):
        if file.name.endswith(".down.sql"):
            continue
        again = pgkeep("migrate", "rewrite", "--database", server.uri(database), file)
        assert again.stdout.rstrip("\n") == file.read_text().rstrip("\n"), f"rewritten again: {file}\n{again.stdout}\n{again.stderr}"


def check_case(server, home, name, case):
    sql, options = case if isinstance(case, tuple) else (case, {})
    plain, safe = f"{name}_plain", f"{name}_safe"
    for database in (plain, safe):
        server.psql(f"CREATE DATABASE {database} TEMPLATE shop")
    files, notes = rewritten(home / name, server, safe, sql)
    text = "\n".join(f"==== {kind}\n{body}" for kind, body in files.items()) + notes
    if options.get("unchanged"):
        assert list(files) == ["up"] and files["up"].endswith(sql), text
        return
    assert "down" in files, f"not rewritten\n{text}"
    before, rows_before = schema(server, safe, False), counts(server, safe)
    check_lint(home / name, server, safe)
    check_twice(home / name, server, safe)
    for statement in [s for _, s in statements(sql)]:
        server.psql(statement, plain)
    run_files(server, safe, [files["up"]])
    middle = schema(server, safe, False)
    if "later" in files:
        run_files(server, safe, [files["later"]])
    same_rows = options.get("same_rows", True)
    left, right = schema(server, plain, same_rows), schema(server, safe, same_rows)
    assert left == right, f"{name}: the schema differs (- plain, + safe)\n{difference(left, right)}\n{text}"
    if same_rows:
        assert rows(server, plain) == rows(server, safe), text
    else:
        assert counts(server, plain) == counts(server, safe)
    if "later" in files:
        run_files(server, safe, [files["later_down"]])
        after = schema(server, safe, False)
        assert middle == after, f"{name}: the contract's way back\n{difference(middle, after)}\n{text}"
    # What the file says it cannot undo is not asked for; nor words that no type change gives back: "0" of a bigint as "(0)::numeric".
    if "Not undone here" not in files["down"] and options.get("down", True) and server.major < options.get("down_before", 99):
        run_files(server, safe, [files["down"]])
        after = schema(server, safe, False)
        assert before == after, f"{name}: the way back\n{difference(before, after)}\n{text}"
        assert counts(server, safe) == rows_before


# Where 18 goes another way than 15: NOT NULL is a constraint there, with a name that columns and partitions share.
OTHERWISE_ON_18 = ("set_not_null", "set_not_null_of_partitions", "primary_key", "primary_key_of_partitions", "volatile_default", "identity",
                   "type_of_column", "type_of_identity_key", "rename_column")
SLOW = ["test_same_end_on_15", "test_same_end_on_18"]


def check_all(major, names=tuple(CASES)):
    failures = []
    with Server(major, {"wal_level": "minimal", "max_wal_senders": 0}) as server, folder() as home:
        server.psql(SETUP)
        server.psql("CREATE DATABASE shop")
        server.psql(SHOP, "shop")
        for name in names:
            try:
                check_case(server, home, name, CASES[name])
            except AssertionError as error:
                failures.append(f"---- {name}: {error}")
    assert not failures, "\n".join(failures)


def test_same_end_on_15():
    check_all(15)


def test_same_end_on_18():
    check_all(18, OTHERWISE_ON_18)


def long_same_end_on_18():
    check_all(18)


SEQUENCES = "SELECT sequencename, data_type, start_value, max_value, cycle FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


def check_wider_key(server, home, name):
    """Through the runner: the shadow table that the rewriter chooses, and its way back."""
    plain, safe = f"{name}_plain", f"{name}_safe"
    for database in (plain, safe):
        server.psql(f"CREATE DATABASE {database} TEMPLATE shop")
    before = schema(server, safe), rows(server, safe), server.psql(SEQUENCES, safe)
    files, notes = rewritten(home / name, server, safe, CASES[name])
    assert set(files) == {"up", "down"} and files["up"].count("-- pgkeep:shadow") == 1 == files["down"].count("-- pgkeep:shadow"), files
    server.psql(CASES[name], plain)
    pgkeep("migrate", "up", "--dir", home / name / "out", server.uri(safe))
    left, right = schema(server, plain), schema(server, safe)
    assert left == right, f"{name}: the schema differs (- plain, + safe)\n{difference(left, right)}"
    assert rows(server, plain) == rows(server, safe)
    assert server.psql(SEQUENCES, plain) == server.psql(SEQUENCES, safe)
    pgkeep("migrate", "down", "--dir", home / name / "out", server.uri(safe))
    assert (schema(server, safe), rows(server, safe), server.psql(SEQUENCES, safe)) == before, difference(before[0], schema(server, safe))
    return notes


def check_wider_keys(major):
    with Server(major, {"wal_level": "logical"}) as server, folder() as home:
        server.psql(SETUP)
        server.psql("CREATE DATABASE shop")
        server.psql(SHOP, "shop")
        notes = check_wider_key(server, home, "type_of_identity_key")
        assert "public.items.order_id refers to it and is integer: change it as well" in notes, notes
        check_wider_key(server, home, "type_of_serial_key")
        # Subscribers know a published table: a second column, as for any other type.
        server.psql("CREATE DATABASE published TEMPLATE shop")
        server.psql("CREATE PUBLICATION all_of_it FOR ALL TABLES", "published")
        files, _ = rewritten(home / "published", server, "published", CASES["type_of_identity_key"])
        assert "id_pgkeep_new bigint" in files["up"] and "pgkeep:shadow" not in files["up"], files["up"]


def test_wider_keys_on_15():
    check_wider_keys(15)


def test_wider_keys_on_18():
    check_wider_keys(18)


def expanded(server, home, name, sql):
    server.psql(f"CREATE DATABASE {name} TEMPLATE shop")
    files, _ = rewritten(home / name, server, name, sql)
    run_files(server, name, [files["up"]])
    return lambda statement: server.psql(statement, name)


def test_old_and_new_live_together():
    with Server(15) as server, folder() as home:
        server.psql(SETUP)
        server.psql("CREATE DATABASE shop")
        server.psql(SHOP, "shop")

        ask = expanded(server, home, "renamed", CASES["rename_column"])
        ask("UPDATE orders SET quantity = 41 WHERE id = 1; UPDATE orders SET amount = 42 WHERE id = 2")
        assert ask("SELECT quantity, amount FROM orders WHERE id IN (1, 2) ORDER BY id") == [["41", "41"], ["42", "42"]]
        ask("INSERT INTO orders (quantity) VALUES (51); INSERT INTO orders (amount) VALUES (52); INSERT INTO orders (total) VALUES (1)")
        assert ask("SELECT quantity, amount FROM orders ORDER BY id DESC LIMIT 3") == [["7", "7"], ["52", "52"], ["51", "51"]], "and the default"
        ask("UPDATE orders SET amount = amount + 1, total = 2 WHERE id = 2; UPDATE orders SET total = 3 WHERE id = 2")
        assert ask("SELECT quantity, amount FROM orders WHERE id = 2") == [["43", "43"]]
        assert ask("SELECT count(*) FROM orders WHERE quantity IS DISTINCT FROM amount") == [["0"]]

        ask = expanded(server, home, "typed", CASES["type_of_column"])
        ask("UPDATE orders SET quantity_pgkeep_old = 41 WHERE id = 1; UPDATE orders SET quantity = 42 WHERE id = 2; UPDATE orders SET quantity = 5000000000 WHERE id = 3")
        assert ask("SELECT quantity_pgkeep_old, quantity FROM orders WHERE id < 4 ORDER BY id") == [["41", "41"], ["42", "42"], ["", "5000000000"]], "what does not fit is left out"
        ask("INSERT INTO orders (quantity) VALUES (51); INSERT INTO orders (quantity_pgkeep_old) VALUES (52); INSERT INTO orders (total) VALUES (1)")
        assert ask("SELECT quantity_pgkeep_old, quantity FROM orders ORDER BY id DESC LIMIT 3") == [["7", "7"], ["52", "52"], ["51", "51"]]

        ask = expanded(server, home, "with_using", CASES["type_with_using"][0])
        assert ask("SELECT count(*) FROM orders WHERE total <> total_pgkeep_old * 100") == [["0"]]
        ask("UPDATE orders SET total_pgkeep_old = 1.5 WHERE id = 1")
        assert ask("SELECT total FROM orders WHERE id = 1") == [["150"]]

        ask = expanded(server, home, "table_renamed", CASES["rename_table"])
        ask("INSERT INTO customers (email) VALUES ('old'); INSERT INTO buyers (email) VALUES ('new'); UPDATE customers SET name = 'x' WHERE email = 'new'; DELETE FROM customers WHERE email = 'old'")
        assert ask("SELECT email, name FROM buyers WHERE id > 300") == [["new", "x"]]
        ask("SET ROLE writer; INSERT INTO customers (email, id) VALUES ('by right', 1000)")
        assert ask("SELECT has_table_privilege('reader', 'customers', 'INSERT'), has_table_privilege('reader', 'customers', 'SELECT')") == [["f", "t"]]


def test_before_the_swap_both_columns_live():
    """A migration that was killed between backfill and swap."""
    with Server(15) as server, folder() as home:
        server.psql(SETUP)
        server.psql("CREATE DATABASE shop")
        server.psql(SHOP, "shop")
        files, _ = rewritten(home / "x", server, "shop", CASES["type_of_column"])
        half = files["up"][:files["up"].index("-- pgkeep:ignore rename-column")]
        half = half[:half.rindex("-- pgkeep:step")]
        run_files(server, "shop", [half])
        ask = lambda statement: server.psql(statement, "shop")  # noqa: E731
        ask("UPDATE orders SET quantity = 41 WHERE id = 1; UPDATE orders SET quantity_pgkeep_new = 42 WHERE id = 2; INSERT INTO orders (quantity) VALUES (51); INSERT INTO orders (quantity_pgkeep_new) VALUES (52)")
        assert ask("SELECT quantity, quantity_pgkeep_new FROM orders WHERE id IN (1, 2) ORDER BY id") == [["41", "41"], ["42", "42"]]
        assert ask("SELECT quantity, quantity_pgkeep_new FROM orders ORDER BY id DESC LIMIT 2") == [["52", "52"], ["51", "51"]]


def test_command():
    with folder() as home:
        path = home / "V003__index.sql"
        path.write_text("-- Why.\nCREATE INDEX a ON t (b);\n")
        out = pgkeep("migrate", "rewrite", path)
        assert "CREATE INDEX CONCURRENTLY a ON t (b);" in out.stdout and "V003__index.down.sql" in out.stdout, out.stdout
        assert f"{path}:2: rewritten: " in out.stderr, out.stderr
        assert path.read_text() == "-- Why.\nCREATE INDEX a ON t (b);\n", "nothing is written unless told"
        with open(path, encoding="utf-8") as text:
            assert "CONCURRENTLY" in run([*_program(), "migrate", "rewrite", "-"], stdin=text).stdout
        assert pgkeep("migrate", "rewrite", path, "--in-place").returncode == 0
        assert "CONCURRENTLY" in path.read_text() and (home / "V003__index.down.sql").exists()
        path.write_text("-- Why.\nCREATE INDEX a ON t (b);\n")
        clash = pgkeep("migrate", "rewrite", path, "--in-place", check=False)
        assert clash.returncode == 4 and "V003__index.down.sql" in clash.stderr, clash.stderr
        assert "CONCURRENTLY" not in path.read_text(), "nothing half done"
        path.write_text("SELEC 1;\n")
        broken = pgkeep("migrate", "rewrite", path, check=False)
        assert broken.returncode == 4 and "V003__index.sql:1:1" in broken.stderr, broken.stderr
        assert pgkeep("migrate", "rewrite", path, "--out", home, "--in-place", check=False).returncode == 2
        assert pgkeep("migrate", "rewrite", check=False).returncode == 2


def _program():
    from support import PGKEEP
    return [PGKEEP]


SLOW = ["test_same_end_on_15", "test_same_end_on_18"]
