"""`pgkeep migrate test` and `pgkeep migrate verify`: what a way down forgets, what statements lock, what it would be at the live size, drift."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile

from migrations import shop
from support import PGKEEP, bin_of, folder, pgkeep, wait_for

ORDERS = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL, state text NOT NULL DEFAULT 'new');"


class Files:
    """A folder of migrations."""

    def __init__(self, path):
        self.path = path

    def write(self, name, up, down=None):
        (self.path / f"{name}.sql").write_text("-- A test needs it.\n" + up + "\n")
        if down is not None:
            (self.path / f"{name}.down.sql").write_text(down + "\n")

    def test(self, *words, check=False, env=None):
        result = pgkeep("migrate", "test", "--dir", self.path, "--format", "json", *words, check=check, env=env)
        assert result.returncode in (0, 1), result.stdout + result.stderr
        return result.returncode, json.loads(result.stdout)


def statements(report, label, direction="up"):
    for migration in report["migrations"]:
        if migration["migration"] == label:
            return [statement for step in migration[direction] for statement in step["statements"]]
    raise AssertionError(f"no {label} in {[m['migration'] for m in report['migrations']]}")


def held(statement):
    return {lock["relation"]: lock["lock"] for lock in statement["locks"]}


def worked(statement, what):
    return [work["relation"] for work in statement["work"] if work[what]]


def problems(report):
    return [(p["kind"], p["migration"], " | ".join(p["details"])) for p in report["problems"]]


def test_up_down_up_is_equal():
    with folder() as path:
        files = Files(path)
        files.write("V001__orders", ORDERS + "\nINSERT INTO orders (total) SELECT g FROM generate_series(1, 1000) g;", "DROP TABLE orders;")
        files.write("V002__note", "ALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX CONCURRENTLY orders_state ON orders (state);\nCOMMENT ON TABLE orders IS 'x';\n"
                    "GRANT SELECT ON orders TO somebody_else;",
                    "DROP INDEX CONCURRENTLY orders_state;\nALTER TABLE orders DROP COLUMN note;\nCOMMENT ON TABLE orders IS NULL;\nREVOKE SELECT ON orders FROM somebody_else;")
        # The last batch is shorter than the others.
        files.write("V003__state", "-- pgkeep:batch key=id size=300\nUPDATE orders SET state = 'paid' WHERE id % 2 = 0;",
                    "-- pgkeep:batch key=id size=100\nUPDATE orders SET state = 'new';")
        files.write("R__totals", "CREATE OR REPLACE VIEW totals AS SELECT state, sum(total) AS total FROM orders GROUP BY state;")
        code, report = files.test()
        assert (code, report["problems"], report["went_down"]) == (0, [], 3), report
        assert any("somebody_else" in note for m in report["migrations"] for s in m["up"] for note in s["notes"])
        batch = [s for m in report["migrations"] if m["migration"] == "V003 state" for s in m["up"]][0]
        assert batch["kind"] == "batch" and batch["notes"][0].startswith("4 batches"), batch
        text = pgkeep("migrate", "test", "--dir", path).stdout
        assert "4 migrations go up on PostgreSQL" in text and "3 went down and up again" in text, text


def test_what_a_way_down_forgets_is_named():
    with folder() as path:
        files = Files(path)
        files.write("V001__orders", ORDERS + "\nINSERT INTO orders (total) SELECT g FROM generate_series(1, 10) g;", "DROP TABLE orders;")
        files.write("V002__index", "CREATE INDEX orders_total ON orders (total);\nALTER TABLE orders ALTER state SET DEFAULT 'fresh';",
                    "ALTER TABLE orders ALTER state DROP DEFAULT;")
        files.write("V003__lossy", "ALTER TABLE orders ADD COLUMN a int;\nALTER TABLE orders DROP COLUMN total;",
                    "ALTER TABLE orders DROP COLUMN a;\nALTER TABLE orders ADD COLUMN total numeric;\nUPDATE orders SET total = 0;\n"
                    "ALTER TABLE orders ALTER total SET NOT NULL;\nCREATE INDEX orders_total ON orders (total);")
        code, report = files.test()
        found = problems(report)
        assert code == 1 and [p[:2] for p in found] == [("rows-differ", "V003 lossy"), ("schema-differs", "V002 index")], found
        assert found[0][2] == "public.orders: other values in total (10 rows)", found
        assert "added index public.orders_total" in found[1][2] and "changed column public.orders.state: default" in found[1][2], found
        files.write("V004__rows", "UPDATE orders SET state = 'gone' WHERE id < 4;", "DELETE FROM orders WHERE state = 'gone';")
        code, report = files.test()
        assert ("rows-differ", "V004 rows", "public.orders: 10 rows before, 7 after") in problems(report), report["problems"]

        # What is lost on purpose is declared; the rest still counts.
        files.write("V004__rows", "UPDATE orders SET state = 'gone' WHERE id < 4;", "-- pgkeep:loses public.orders: they were closed\nDELETE FROM orders WHERE state = 'gone';")
        down = (path / "V003__lossy.down.sql").read_text()
        (path / "V003__lossy.down.sql").write_text("-- pgkeep:loses orders.total: it is computed now\n" + down)
        code, report = files.test()
        assert code == 1 and {p[0] for p in problems(report)} == {"schema-differs"}, problems(report)


def test_what_does_not_run_is_told_with_its_place():
    with folder() as path:
        files = Files(path)
        files.write("V001__orders", ORDERS, "DROP TABLE orders;")
        files.write("V002__wrong", "SELECT 1;\nALTER TABLE orders ADD COLUMN a nummeric;", "SELECT 1;")
        code, report = files.test()
        problem = report["problems"][0]
        assert code == 1 and problem["kind"] == "up-failed" and problem["file"].endswith("V002__wrong.sql:3:33"), problem
        assert 'type "nummeric" does not exist' in problem["text"] and report["went_down"] == 1, report
        files.write("V002__wrong", "ALTER TABLE orders ADD COLUMN a numeric;", "ALTER TABLE orders DROP COLUMN b;")
        code, report = files.test()
        assert code == 1 and [p["kind"] for p in report["problems"]] == ["down-failed"], report["problems"]
        files.write("V002__wrong", "CREATE TABLE IF NOT EXISTS kept (a int);\nCREATE INDEX ON kept (a);", "SELECT 1;")
        code, report = files.test()
        assert code == 1 and {p["kind"] for p in report["problems"]} == {"schema-differs", "up-again-differs"}, report["problems"]
        (path / "V002__wrong.sql").unlink()
        (path / "V002__wrong.down.sql").unlink()
        files.write("R__view", "CREATE VIEW v AS SELECT 1 AS a;")
        code, report = files.test()
        assert code == 1 and [p["kind"] for p in report["problems"]] == ["not-repeatable"], report["problems"]


def test_trace_shows_locks_and_work():
    with folder() as path:
        files = Files(path)
        files.write("V001__base", ORDERS + "\nCREATE TABLE customers (id bigint PRIMARY KEY);\nALTER TABLE orders ADD customer bigint;\n"
                    "INSERT INTO orders (total) SELECT g FROM generate_series(1, 20000) g;\n"
                    "CREATE FUNCTION slowly(numeric) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS\n"
                    "$$ BEGIN IF $1 % 500 = 0 THEN PERFORM pg_sleep(0.01); END IF; RETURN $1; END $$;",
                    "DROP TABLE orders, customers;\nDROP FUNCTION slowly(numeric);")
        files.write("V002__volatile", "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();", "ALTER TABLE orders DROP COLUMN token;")
        files.write("V003__constant", "ALTER TABLE orders ADD COLUMN kind text DEFAULT 'a';", "ALTER TABLE orders DROP COLUMN kind;")
        files.write("V004__index", "CREATE INDEX orders_state ON orders (state);", "DROP INDEX orders_state;")
        # It runs in transactions of its own, so its locks are seen only by looking on: it must take longer than a machine under load looks away.
        files.write("V005__online", "CREATE INDEX CONCURRENTLY orders_total ON orders (slowly(total));", "DROP INDEX CONCURRENTLY orders_total;")
        files.write("V006__key", "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (customer) REFERENCES customers NOT VALID;\n-- pgkeep:step\nALTER TABLE orders VALIDATE CONSTRAINT c;",
                    "ALTER TABLE orders DROP CONSTRAINT c;")
        code, report = files.test()
        assert code == 0, report["problems"]
        volatile = statements(report, "V002 volatile")[0]
        assert held(volatile) == {"public.orders": "ACCESS EXCLUSIVE"} and worked(volatile, "rewritten") == ["public.orders"], volatile
        assert volatile["work"][0]["rows"] == 20000 and volatile["wal_bytes"] > 500_000, volatile
        assert volatile["locks"][0]["blocks"] == "reads and writes" and volatile["locks"][0]["held_ms"] >= volatile["ms"], volatile
        constant = statements(report, "V003 constant")[0]
        assert held(constant) == {"public.orders": "ACCESS EXCLUSIVE"} and constant["work"] == [], constant
        index = statements(report, "V004 index")[0]
        assert held(index) == {"public.orders": "SHARE"} and worked(index, "index_built") == ["public.orders"], index
        online = statements(report, "V005 online")[0]
        assert held(online) == {"public.orders": "SHARE UPDATE EXCLUSIVE"} and worked(online, "index_built") == ["public.orders"], online
        add, validate = statements(report, "V006 key")
        assert held(add) == {"public.orders": "SHARE ROW EXCLUSIVE", "public.customers": "SHARE ROW EXCLUSIVE"} and add["work"] == [], add
        assert held(validate)["public.orders"] == "SHARE UPDATE EXCLUSIVE" and worked(validate, "scanned") == ["public.orders"], validate
        assert not [note for m in report["migrations"] for s in m["up"] + m["down"] for one in s["statements"] for note in one["notes"]], report
        # Tables that the file itself made are nobody's but its own.
        assert all(held(one) == {} for one in statements(report, "V001 base"))
        text = pgkeep("migrate", "test", "--dir", path).stdout
        assert "ACCESS EXCLUSIVE on public.orders, held for" in text and "rewrites public.orders (20,000 rows)" in text, text


def test_a_shadow_table_is_rehearsed_as_one():
    with folder() as path:
        files = Files(path)
        files.write("V001__base", ORDERS + "\nCREATE TABLE customers (id bigint PRIMARY KEY);\nALTER TABLE orders ADD customer bigint CONSTRAINT to_customer REFERENCES customers;\n"
                    "INSERT INTO orders (total) SELECT g FROM generate_series(1, 20000) g;\nCREATE VIEW totals AS SELECT sum(total) AS total FROM orders;", "DROP VIEW totals;\nDROP TABLE orders, customers;")
        files.write("V002__shadow", "-- pgkeep:shadow\nALTER TABLE orders ALTER COLUMN state TYPE varchar(30), SET (fillfactor = 90);\nALTER TABLE orders ADD COLUMN note text;",
                    "ALTER TABLE orders DROP COLUMN note;\n-- pgkeep:shadow keep=no\nALTER TABLE orders ALTER COLUMN state TYPE text, RESET (fillfactor);")
        files.write("V003__after", "ALTER TABLE orders ADD COLUMN more text;", "ALTER TABLE orders DROP COLUMN more;")
        code, report = files.test()
        assert code == 0 and report["went_down"] == 3, report["problems"]
        shadow, after = statements(report, "V002 shadow")
        # Two short transactions: the triggers, and the swap, which needs what foreign keys and views touch too.
        modes = {(lock["relation"], lock["lock"]) for lock in shadow["locks"]}
        assert ("public.orders", "SHARE ROW EXCLUSIVE") in modes and ("public.orders", "ACCESS EXCLUSIVE") in modes, shadow
        assert ("public.customers", "ACCESS EXCLUSIVE") in modes and ("public.totals", "ACCESS EXCLUSIVE") in modes, shadow
        assert all(0 < lock["held_ms"] < shadow["ms"] for lock in shadow["locks"]), shadow
        assert worked(shadow, "rewritten") == ["public.orders"] and shadow["work"][0]["rows"] == 20000 and shadow["wal_bytes"] > 500_000, shadow
        assert "20,000 rows copied and compared" in str(report), report
        # What comes after it finds the table by its name: it is another one.
        assert held(after) == {"public.orders": "ACCESS EXCLUSIVE"}, after
        assert held(statements(report, "V003 after")[0]) == {"public.orders": "ACCESS EXCLUSIVE"}
        assert ("public.orders", "ACCESS EXCLUSIVE") in {(lock["relation"], lock["lock"]) for lock in statements(report, "V002 shadow", "down")[1]["locks"]}
        # What a shadow table cannot do is the migration's problem, and leaves nothing that would count as a difference.
        files.write("V003__after", "-- pgkeep:shadow key=note\nALTER TABLE orders SET (fillfactor = 80);", "SELECT 1;")
        code, report = files.test()
        assert code == 1 and [p["kind"] for p in report["problems"]] == ["up-failed"], report["problems"]
        assert "no unique index on (note)" in report["problems"][0]["text"] and report["problems"][0]["file"].endswith("V003__after.sql:3:1"), report["problems"]
        # One that only a row can show comes after the table was made.
        files.write("V003__after", "-- pgkeep:shadow\nALTER TABLE orders ALTER COLUMN note TYPE int USING (state || id)::int;", "SELECT 1;")
        code, report = files.test()
        assert code == 1 and [p["kind"] for p in report["problems"]] == ["up-failed"] and "invalid input syntax" in report["problems"][0]["text"], report["problems"]


LIVE = """
CREATE ROLE app LOGIN; CREATE ROLE keeper;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(60) NOT NULL UNIQUE, feeling mood NOT NULL, born date,
  size int CHECK (size BETWEEN 1 AND 9), country char(2) NOT NULL, tags text[] NOT NULL, about jsonb);
CREATE TABLE orders (id uuid PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, total numeric(8,2) NOT NULL CHECK (total > 0),
  state text NOT NULL CHECK (state IN ('new', 'paid')), placed timestamptz NOT NULL, previous uuid REFERENCES orders);
CREATE TABLE lines (order_id uuid REFERENCES orders, number int, what text NOT NULL, PRIMARY KEY (order_id, number));
CREATE TABLE odd (a text NOT NULL CHECK (a ~ '^never$'));
CREATE INDEX orders_customer ON orders (customer_id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER touch BEFORE INSERT ON lines FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION odd_text() RETURNS text LANGUAGE sql AS $$ SELECT '
\\unrestrict nothing' $$;
CREATE VIEW paid AS SELECT * FROM orders WHERE state = 'paid';
GRANT SELECT ON orders TO app; ALTER TABLE customers OWNER TO keeper;
INSERT INTO customers (email, feeling, country, tags) SELECT 'secret' || g, 'sad', 'de', '{}' FROM generate_series(1, 40000) g;
INSERT INTO orders SELECT md5(g::text)::uuid, g, 1, 'new', now() FROM generate_series(1, 40000) g;
"""


def live(s):
    for statement in LIVE.strip().split(";\n"):
        s.psql(statement)
    s.psql("VACUUM ANALYZE")


def test_like_a_live_database():
    with shop() as s:
        live(s)
        files = Files(s.path)
        files.write("V001__base", "SELECT 1;")
        s.migrate("up")
        files.write("V002__token", "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();", "ALTER TABLE orders DROP COLUMN token;")
        files.write("V003__sums", "CREATE TABLE sums AS SELECT count(*) FROM lines;", "DROP TABLE sums;")
        s.psql("ALTER ROLE postgres PASSWORD 'quite-secret'")
        target = s.uri + "&password=quite-secret"
        code, report = files.test("--like", target, "--rows", "4000")
        assert code == 0, report["problems"]
        # What is applied there is not run again.
        assert [m["migration"] for m in report["migrations"]] == ["V002 token", "V003 sums"], report
        assert [n for n in report["notes"] if "public.odd" in n and "odd_a_check" in n], report["notes"]
        assert len(report["notes"]) == 1, report["notes"]
        token = statements(report, "V002 token")[0]
        work = token["work"][0]
        assert (work["relation"], work["rewritten"], work["rows"], work["live_rows"]) == ("public.orders", True, 4000, 40000), token
        lock = token["locks"][0]
        assert lock["live_ms"] > 3 * lock["held_ms"] and token["live_wal_bytes"] > 5 * token["wal_bytes"], token
        text = pgkeep("migrate", "test", "--dir", s.path, "--like", target, "--rows", "4000").stdout
        assert "at the live size (40,000 rows of public.orders): this blocks reads and writes on public.orders for about" in text, text
        assert "quite-secret" not in text
        # Without rows the sizes are known and the times are not.
        code, report = files.test("--like", target)
        token = statements(report, "V002 token")[0]
        assert code == 0 and token["work"][0]["live_rows"] == 40000 and token["live_ms"] is None, token


def plan_lines(s, sql, user="postgres"):
    return [row[0] for row in s.psql("EXPLAIN " + sql, user=user)]


def shape_and_rows(plan):
    """Nodes with their estimates, and conditions; costs are left out."""
    lines = []
    for line in plan:
        cost = line.find("  (cost=")
        lines.append((line if cost < 0 else line[:cost], -1 if cost < 0 else int(line.split(" rows=")[1].split()[0])))
    return lines


def same_plan(one, other):
    """Of the same shape, with estimates of rows that are equal to three per cent."""
    one, other = shape_and_rows(one), shape_and_rows(other)
    return [a[0] for a in one] == [b[0] for b in other] and all(abs(a[1] - b[1]) <= 1 + 0.03 * b[1] for a, b in zip(one, other))


HAS_STATISTICS = """DO $$ BEGIN
  IF (SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'orders' AND attname = 'state') IS DISTINCT FROM '{paid,new}' THEN RAISE 'no statistics'; END IF;
  IF (SELECT reltuples FROM pg_class WHERE relname = 'orders') <> 40000 THEN RAISE 'no sizes'; END IF;
  IF current_setting('random_page_cost') <> '1.5' THEN RAISE 'no settings'; END IF;
END $$;"""


def test_like_plans_are_the_live_ones():
    with shop() as s:
        live(s)
        s.psql("ALTER DATABASE shop SET random_page_cost = 1.5")
        s.psql("UPDATE orders SET state = CASE WHEN customer_id % 500 = 0 THEN 'new' ELSE 'paid' END")
        s.psql("CREATE INDEX orders_state ON orders (state)")
        s.psql("CREATE STATISTICS orders_two ON state, total FROM orders")
        s.psql("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data")
        s.psql("VACUUM FULL ANALYZE")
        files = Files(s.path)
        few, most = "UPDATE orders SET total = 2 WHERE state = 'new'", "UPDATE orders SET total = 2 WHERE state = 'paid'"
        join = "DELETE FROM customers c USING orders o WHERE o.customer_id = c.id AND o.state = 'new'"
        later = "UPDATE orders SET note = 'x' WHERE placed < '2000-01-01'"
        files.write("V001__base", "SELECT 1;")
        s.migrate("up")
        # What ANALYZE finds among made-up rows, or in the empty model, does not count.
        files.write("V002__rows", HAS_STATISTICS + f"\nANALYZE;\n{few};\n{most};\nINSERT INTO customers (email, feeling, country, tags) VALUES ('a', 'sad', 'de', '{{}}');",
                    "-- pgkeep:loses orders.total: a test\n-- pgkeep:loses customers: a test\nSELECT 1;")
        files.write("V003__later", f"SET LOCAL search_path = public;\nALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX orders_placed ON orders (placed);\n{later};",
                    "DROP INDEX orders_placed;\nALTER TABLE orders DROP COLUMN note;")
        files.write("V004__batch", "-- pgkeep:batch key=id size=1000\nUPDATE orders SET total = 3;", "-- pgkeep:loses orders.total: a test\nSELECT 1;")
        files.write("V005__join", f"CREATE TABLE kept AS SELECT * FROM orders WHERE state = 'new';\nALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;\n{join};")
        for rows in ("0", "3000"):
            code, report = files.test("--like", s.server.uri("shop", "reader"), "--rows", rows)
            text = json.dumps(report)
            assert code == 0 or rows == "3000", report["problems"]
            assert [n for n in report["notes"] if n.startswith("1 extended statistics could not be read")], report["notes"]
            first = statements(report, "V002 rows")
            assert same_plan(first[2]["live_plan"], plan_lines(s, few)) and "Index Scan using orders_state" in str(first[2]["live_plan"]), (first[2], plan_lines(s, few))
            assert same_plan(first[3]["live_plan"], plan_lines(s, most)) and "Seq Scan" in str(first[3]["live_plan"]), (first[3], plan_lines(s, most))
            assert [one["live_plan"] for one in (first[0], first[1], first[4])] == [[], [], []], first
            # The column and the index are the migration's own.
            assert "Index Scan using orders_placed" in str(statements(report, "V003 later")[3]["live_plan"]), statements(report, "V003 later")
            assert statements(report, "V004 batch")[0]["live_plan"] == []
            kept = statements(report, "V005 join")
            assert "Index Scan using orders_state" in str(kept[0]["live_plan"]), kept
            assert same_plan(kept[2]["live_plan"], plan_lines(s, join)), (kept[2], plan_lines(s, join))
            # Values of the live rows are nowhere.
            assert "secret" not in text, text
        # A newer server takes the statistics of an older one.
        code, report = files.test("--like", s.uri, "--pg-version", "18", "--pg-bin", bin_of(18))
        assert code == 0 and report["server"].startswith("18"), report
        assert not [n for n in report["notes"] if "statistics" in n], report["notes"]
        first = statements(report, "V002 rows")
        assert same_plan(first[2]["live_plan"], plan_lines(s, few)) and same_plan(first[3]["live_plan"], plan_lines(s, most)), first
        text = pgkeep("migrate", "test", "--dir", s.path, "--like", s.uri).stdout
        assert "plan at the live size:\n" in text and "Index Scan using orders_state" in text, text


def test_like_says_why_not():
    with shop(major=17) as s:
        s.psql("CREATE TABLE t (a int)")
        files = Files(s.path)
        files.write("V001__base", "SELECT 1;")
        refused = pgkeep("migrate", "test", "--dir", s.path, "--like", s.uri, check=False)
        assert refused.returncode == 4 and "PostgreSQL 17" in refused.stderr and "postgresql-17" in refused.stderr, refused.stderr
        refused = pgkeep("migrate", "test", "--dir", s.path, "--like", s.uri, "--pg-bin", bin_of(17), check=False)
        assert refused.returncode == 4 and "pg_dump" in refused.stderr and "postgresql-client-17" in refused.stderr, refused.stderr
        refused = pgkeep("migrate", "test", "--dir", s.path, "--rows", "5", check=False)
        assert refused.returncode == 2 and "--like" in refused.stderr, refused.stderr


def verify(s, *words, check=True):
    result = s.migrate("verify", "--format", "json", *words, check=False)
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    return result.returncode, report


def drift(report):
    return sorted((d["change"], d["kind"], d["object"]) for d in report["drift"])


def check_verify(major, *words):
    with shop(major) as s:
        files = Files(s.path)
        files.write("V001__orders", ORDERS + "\nCREATE ROLE seller;\nGRANT SELECT ON orders TO seller;", "DROP TABLE orders;")
        files.write("V002__note", "ALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX CONCURRENTLY orders_state ON orders (state);", "ALTER TABLE orders DROP COLUMN note;")
        files.write("R__totals", "CREATE OR REPLACE VIEW totals AS SELECT state, sum(total) AS total FROM orders GROUP BY state;")
        files.write("V003__later", "CREATE TABLE later (a int);", "DROP TABLE later;")
        s.migrate("up", "--to", "2")
        s.migrate("up")
        files.write("V004__pending", "CREATE TABLE pending (a int);", "DROP TABLE pending;")
        code, report = verify(s, *words)
        assert (code, report["problems"], report["drift"], report["applied"], report["unknown"]) == (0, [], [], 4, []), report
        s.psql("CREATE INDEX by_hand ON orders (total)")
        s.psql("ALTER TABLE orders DROP COLUMN note")
        s.psql("ALTER TABLE orders ALTER state SET DEFAULT 'other'")
        s.psql("GRANT INSERT ON orders TO seller")
        code, report = verify(s, *words)
        assert code == 1 and drift(report) == [("added", "index", "public.by_hand"), ("changed", "column", "public.orders.state"),
                                               ("removed", "column", "public.orders.note")], report
        code, report = verify(s, *words, "--with", "grants")
        assert code == 1 and len(report["drift"]) == 4, report
        text = s.migrate("verify", *words, check=False).stdout
        assert "index public.by_hand is in the database, and no migration makes it" in text, text
        code, report = verify(s, "--no-drift")
        assert (code, report["compared"]) == (0, False), report
        path = s.path / "V003__later.sql"
        path.write_text(path.read_text().replace("int", "bigint"))
        code, report = verify(s, "--no-drift")
        assert code == 1 and [(p["kind"], p["migration"]) for p in report["problems"]] == [("edited", "V003 later")], report


def test_verify_finds_drift_15():
    check_verify(15)


def test_verify_finds_drift_18():
    check_verify(18, "--pg-bin", bin_of(18))


def test_verify_says_what_is_unfinished_and_missing():
    with shop(major=16) as s:
        files = Files(s.path)
        files.write("V001__orders", ORDERS, "DROP TABLE orders;")
        files.write("V002__half", "CREATE TABLE a (a int);\n-- pgkeep:step\nSELECT 1 / (SELECT count(*) FROM orders);")
        assert s.migrate("up", check=False).returncode == 5
        code, report = verify(s, "--no-drift")
        assert code == 1 and [p["kind"] for p in report["problems"]] == ["unfinished"] and "1 of 2 steps" in report["problems"][0]["text"], report
        refused = s.migrate("verify", check=False)
        assert refused.returncode == 4 and "PostgreSQL 16" in refused.stderr and "--no-drift" in refused.stderr, refused.stderr


def sandboxes():
    return sorted(str(path) for path in pathlib.Path(tempfile.gettempdir()).glob("pgkeep-sandbox-*"))


def test_nothing_is_left_behind():
    with folder() as path, folder() as home:
        home.chmod(0o700)
        files = Files(path)
        files.write("V001__sleep", "CREATE TABLE t (a int);\nSELECT pg_sleep(120);", "DROP TABLE t;")
        # A temporary folder of its own: other tests have sandboxes too.
        with folder() as temporary:
            env = {"TMPDIR": str(temporary), "HOME": str(home)}
            clean = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
            process = subprocess.Popen([str(PGKEEP), "migrate", "test", "--dir", str(path)], env={**clean, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

            def sleeping():
                for sandbox in temporary.glob("pgkeep-sandbox-*"):
                    if not (sandbox / "data/postmaster.pid").exists():
                        continue
                    found = subprocess.run(["psql", "-X", "-A", "-t", "-h", str(sandbox), "-U", "postgres", "-d", "rehearsal", "-c",
                                            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"], capture_output=True, text=True)
                    if found.stdout.strip() == "1":
                        return sandbox
                return None

            left = wait_for(sleeping, "the migration runs")
            postmaster = int((left / "data/postmaster.pid").read_text().split()[0])
            process.kill()
            process.wait(timeout=30)
            assert left.exists() and pathlib.Path(f"/proc/{postmaster}").exists()
            stranger = temporary / "pgkeep-sandbox-strange"
            stranger.mkdir()
            (stranger / "precious").write_text("x")
            files.write("V001__sleep", "CREATE TABLE t (a int);", "DROP TABLE t;")
            code, _ = files.test(env=env)
            assert code == 0
            assert not left.exists() and (stranger / "precious").exists()
            # Whoever inherited the killed server's process may take a moment to bury it.
            wait_for(lambda: not running(postmaster), "the server is gone", 10)
            assert sorted(p.name for p in temporary.iterdir()) == ["pgkeep-sandbox-strange"], list(temporary.iterdir())
            # Ctrl-C ends it in order.
            files.write("V001__sleep", "CREATE TABLE t (a int);\nSELECT pg_sleep(120);", "DROP TABLE t;")
            process = subprocess.Popen([str(PGKEEP), "migrate", "test", "--dir", str(path)], env={**clean, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            wait_for(sleeping, "the migration runs")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
            assert sorted(p.name for p in temporary.iterdir()) == ["pgkeep-sandbox-strange"], list(temporary.iterdir())


def running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False
