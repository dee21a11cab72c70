"""`pgkeep lint` on files of named queries, against real servers: what they refuse, and what no index of theirs serves."""
import json

from support import Server, folder, pgkeep

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, mail varchar(80) NOT NULL UNIQUE);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, status varchar(20) NOT NULL, placed_at timestamptz NOT NULL,
  is_paid boolean NOT NULL, note text);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE days (day date NOT NULL, id bigint) PARTITION BY RANGE (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE small (id bigint, name text);
INSERT INTO customers SELECT i, i || '@example.org' FROM generate_series(1, 3000) AS i;
INSERT INTO orders SELECT i, i, 'new', now(), false FROM generate_series(1, 20000) AS i;
INSERT INTO days SELECT '2024-12-01'::date + i / 100, i FROM generate_series(1, 6000) AS i;
INSERT INTO small VALUES (1, 'a');
CREATE SCHEMA hidden;
CREATE TABLE hidden.facts (id bigint);
ANALYZE;
"""

BROKEN = """-- Orders, as the application asks for them.

-- name: orders_of_customer
-- The name is not ASCII: ü.
SELECT id, 'ü', statsu
  FROM orders WHERE customer_id = :customer_id;

-- name: one_order^
SELECT note FROM orders WHERE id = 'x'::date AND customer_id = :c;

-- name: wrong_function!
UPDATE orders SET note = uper(:note) WHERE id = :id;

-- name: untyped$
SELECT :anything;

-- name: ambiguous :many
SELECT id FROM orders JOIN customers ON customers.id = orders.customer_id WHERE mail = @mail;

-- name: no_table
INSERT INTO ordesr (id) VALUES (sqlc.arg(id));

-- name: two_statements#
SELECT id FROM orders WHERE id = :id;
SELECT nope FROM orders WHERE id = :id;
"""

GOOD = """-- name: by_customer
SELECT id, note FROM orders WHERE customer_id = :customer_id AND status = :status ORDER BY id;

-- name: by_mail^
SELECT o.id FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.mail = :mail AND o.is_paid;

-- name: recent
SELECT id FROM orders WHERE status = :status ORDER BY id LIMIT 20;

-- name: in_order
SELECT id FROM orders WHERE customer_id > :c ORDER BY id;

-- name: everything
SELECT id, note FROM orders ORDER BY id;

-- name: of_small
SELECT name FROM small WHERE id = :id;

-- name: add!
INSERT INTO orders (id, customer_id, status, placed_at, is_paid) VALUES (:id, :customer, :status, now(), false);

-- name: pay!
UPDATE orders SET is_paid = true, note = coalesce(:note::text, note) WHERE id = :id;

-- name: drop_one!
DELETE FROM orders WHERE id = ANY(:ids::bigint[]);

-- name: one
SELECT id FROM orders WHERE id = :id!;
"""

UNSERVED = """-- name: open_orders
SELECT id
  FROM orders
 WHERE status = :status AND placed_at > :since AND NOT is_paid ORDER BY id;

-- name: close_orders!
UPDATE orders SET is_paid = true WHERE status = :status;

-- name: of_day
SELECT id FROM days WHERE id = :id AND day > :since;

-- name: correlated
SELECT (SELECT count(*) FROM orders WHERE orders.note = c.mail) FROM customers c WHERE c.id = :id;

-- name: joined
SELECT o.id FROM customers c JOIN orders o ON o.note = c.mail WHERE c.id = :id;

-- name: all_joined
SELECT count(*) FROM customers c JOIN orders o ON o.note = c.mail;

-- name: by_partition
SELECT count(*) FROM days WHERE day BETWEEN :first AND :last;
"""


def findings(path, server, *words):
    result = pgkeep("lint", path, "--database", server.uri(), "--format", "json", "--fail-on", "never", *words)
    return json.loads(result.stdout)


def of_rule(report, rule):
    return [f for f in report["findings"] if f["rule"] == rule]


def places(report, rule):
    return [(f["line"], f["column"], f["severity"], f["object"]) for f in sorted(of_rule(report, rule), key=lambda f: f["line"])]


def refused_on(major):
    with Server(major) as server, folder() as home:
        server.psql(SCHEMA)
        path = home / "queries.sql"
        path.write_text(BROKEN)
        report = findings(path, server)
        assert places(report, "query-does-not-prepare") == [
            (5, 17, "error", "orders_of_customer"), (9, 36, "error", "one_order"), (12, 26, "error", "wrong_function"),
            (18, 8, "error", "ambiguous"), (21, 13, "error", "no_table"), (25, 8, "error", "two_statements")], short(report)
        said = {f["object"]: f for f in of_rule(report, "query-does-not-prepare")}
        assert "column \"statsu\" does not exist (42703)" in said["orders_of_customer"]["message"], said
        assert "orders.status" in said["orders_of_customer"]["fix"]["note"], said
        assert said["one_order"]["evidence"]["sqlstate"] == "22007", said
        assert "customer_id = $1" in said["orders_of_customer"]["evidence"]["sent"], said
        assert not of_rule(report, "unknown-column"), "one fault is said once"
        assert server.psql("SELECT count(*) FROM orders") == [["20000"]], "nothing was run"


def short(report):
    return "\n".join(f"{f['file']}:{f['line']}:{f['column']} {f['severity']} {f['rule']} {f['object']}: {f['message']}" for f in report["findings"])


def test_refused_queries_on_15():
    refused_on(15)


def test_refused_queries_on_18():
    refused_on(18)


def unserved_on(major):
    with Server(major) as server, folder() as home:
        server.psql(SCHEMA)
        path = home / "queries.sql"
        path.write_text(UNSERVED)
        report = findings(path, server)
        assert places(report, "query-without-index") == [
            (3, 8, "warning", "open_orders"), (7, 8, "warning", "close_orders"), (10, 16, "warning", "of_day"),
            (13, 30, "warning", "correlated"), (16, 35, "warning", "joined")], short(report)
        found = sorted(of_rule(report, "query-without-index"), key=lambda f: f["line"])
        assert found[0]["fix"]["sql"] == ["CREATE INDEX CONCURRENTLY ON public.orders (status, placed_at)"], found[0]
        assert [f["evidence"]["table"] for f in found] == [
            "public.orders", "public.orders", "public.days", "public.orders", "public.orders"], found
        assert found[0]["evidence"]["rows"] == 20000 and found[2]["evidence"]["rows"] == 6000, found
        assert found[2]["fix"]["safety"] == "manual", "a partitioned table takes no CONCURRENTLY"
        server.psql(found[0]["fix"]["sql"][0])
        server.psql("CREATE INDEX ON orders (note); CREATE INDEX ON days (id)")
        after = findings(path, server)
        assert not of_rule(after, "query-without-index"), short(after)


def test_queries_without_an_index_on_15():
    unserved_on(15)


def test_queries_without_an_index_on_18():
    unserved_on(18)


def test_good_queries_are_silent():
    for major in (15, 18):
        with Server(major) as server, folder() as home:
            server.psql(SCHEMA)
            path = home / "queries.sql"
            path.write_text(GOOD)
            report = findings(path, server)
            assert not [f for f in report["findings"] if f["severity"] != "info"], short(report)
            asked = {"query-does-not-prepare", "query-without-index"}
            assert asked <= set(report["passed"]), (report["passed"], report["skipped"])


def test_without_a_server_the_report_says_so():
    with folder() as home:
        path = home / "queries.sql"
        path.write_text(GOOD)
        report = json.loads(pgkeep("lint", path, "--format", "json", "--fail-on", "never").stdout)
        assert any("10 named queries were not prepared" in note for note in report["notes"]), report["notes"]
        skipped = {each["rule"] for each in report["skipped"]}
        assert {"query-does-not-prepare", "query-without-index"} <= skipped, skipped
        loud = {"lock-timeout-missing", "file-without-reason", "not-rerunnable"}
        assert not loud & {f["rule"] for f in report["findings"]}, short(report)


def test_what_the_role_may_not_see_is_said():
    with Server(15) as server, folder() as home:
        server.psql(SCHEMA)
        server.psql("CREATE ROLE reader LOGIN")
        path = home / "queries.sql"
        path.write_text("-- name: facts\nSELECT id FROM hidden.facts WHERE id = :id;\n-- name: orders\nSELECT id FROM orders WHERE note = :n;\n")
        report = json.loads(pgkeep("lint", path, "--database", server.uri(user="reader"), "--format", "json", "--fail-on", "never").stdout)
        assert not of_rule(report, "query-does-not-prepare") and not of_rule(report, "query-without-index"), short(report)
        reasons = " ".join(each["reason"] for each in report["skipped"])
        assert "permission denied for schema hidden" in reasons and "permission denied for table orders" in reasons, report["skipped"]


def test_a_migration_that_is_not_run_yet():
    with Server(15) as server, folder() as home:
        server.psql(SCHEMA)
        (home / "V1__add.sql").write_text("-- Orders get a due date.\nSET lock_timeout = '2s';\nALTER TABLE orders ADD COLUMN due date;\n"
                                          "CREATE INDEX CONCURRENTLY orders_note ON orders (note);\n")
        (home / "queries.sql").write_text("-- name: due\nSELECT id FROM orders WHERE due < :day;\n-- name: noted\nSELECT id FROM orders WHERE note = :n;\n")
        result = pgkeep("lint", home / "V1__add.sql", home / "queries.sql", "--database", server.uri(), "--format", "json", "--fail-on", "never")
        report = json.loads(result.stdout)
        assert places(report, "query-does-not-prepare") == [(2, 29, "info", "due")], short(report)
        assert not of_rule(report, "query-without-index"), short(report)


def test_newer_syntax_in_a_named_query():
    with Server(18) as server, folder() as home:
        server.psql(SCHEMA)
        path = home / "queries.sql"
        path.write_text("-- name: merge_back\nMERGE INTO small USING orders ON orders.id = small.id AND orders.id = :id WHEN MATCHED THEN DELETE RETURNING small.id;\n"
                        "-- name: typo\nSELEC :id;\n")
        report = findings(path, server)
        assert [(f["rule"], f["line"]) for f in report["findings"] if "syntax" in f["rule"]] == [("syntax-error", 4), ("unknown-syntax", 2)], short(report)


def test_columns_that_every_table_must_have():
    with folder() as home:
        (home / "pgkeep.toml").write_text("[lint]\nmandatory-columns = [\"created_at\", \"updated_at\"]\n")
        path = home / "V1__x.sql"
        path.write_text("-- Logs.\nCREATE TABLE logs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, created_at timestamptz NOT NULL);\n")
        result = pgkeep("lint", path, "--config", home / "pgkeep.toml", "--format", "json", "--fail-on", "never")
        found = of_rule(json.loads(result.stdout), "mandatory-columns")
        assert [(f["line"], f["evidence"]["missing"]) for f in found] == [(2, ["updated_at"])], result.stdout
        assert not of_rule(json.loads(pgkeep("lint", path, "--format", "json", "--fail-on", "never").stdout), "mandatory-columns")


def test_opposite_lock_orders_of_two_files():
    with folder() as home:
        for number, tables in ((1, ("orders", "customers")), (2, ("customers", "orders"))):
            lines = "".join(f"ALTER TABLE {name} ADD COLUMN x{number} int;\n" for name in tables)
            (home / f"V{number}__x.sql").write_text(f"-- Why.\nSET LOCAL lock_timeout = '2s';\n{lines}")
        report = json.loads(pgkeep("lint", home, "--format", "json", "--fail-on", "never").stdout)
        found = of_rule(report, "lock-order")
        assert [(f["file"].rsplit("/", 1)[1], f["line"]) for f in found] == [("V2__x.sql", 4)], short(report)
        assert "V1__x.sql:4" in found[0]["message"], found
