"""`pgkeep migrate repair`: what it shows, and each thing that it mends."""
import json

from migrations import shop
from support import wait_for

ORDERS = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text NOT NULL DEFAULT 'new');"
FILL = "INSERT INTO orders (state) SELECT 'x' || g % 10 FROM generate_series(1, 1000) g"


def look(s, code):
    result = s.migrate("repair", check=False)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return result.stdout


def base(s):
    s.write("V001__orders.sql", ORDERS)
    s.write("V001__orders.down.sql", "DROP TABLE orders;")
    s.migrate("up")


def test_nothing_to_repair():
    with shop() as s:
        assert "Nothing to repair" in look(s, 0)
        base(s)
        assert "Nothing to repair" in look(s, 0)
        for words, text in [(("--forget", "7"), "7 is not in the history"), (("--clear", "1"), "it is not unfinished"),
                            (("--applied", "1"), "it is not unfinished"), (("--accept", "1", "--forget", "1"), "one thing at a time")]:
            refused = s.migrate("repair", *words, check=False)
            assert refused.returncode == 2 and text in refused.stderr, (words, refused.returncode, refused.stderr)
        same = s.migrate("repair", "--accept", "1")
        assert "nothing was changed" in same.stdout, same.stdout


def test_accept_takes_the_edited_file():
    with shop() as s:
        base(s)
        s.write("V001__orders.sql", ORDERS.replace("'new'", "'fresh'"))
        assert s.migrate("up", check=False).returncode == 1
        out = look(s, 1)
        assert "V001 orders" in out and "+CREATE TABLE" in out and "--accept" in out, out
        out = s.migrate("repair", "--accept", "V001").stdout
        assert "before: checksum" in out and "'fresh'" in out and "after:  checksum" in out, out
        look(s, 0)
        assert "Nothing to do" in s.migrate("up").stderr
        assert s.value("SELECT content LIKE '%fresh%' FROM pgkeep.schema_migrations") == "t"


def test_forget_takes_a_row_out():
    with shop() as s:
        base(s)
        s.write("V002__note.sql", "CREATE TABLE notes (id bigint PRIMARY KEY);")
        s.migrate("up")
        (s.path / "V002__note.sql").unlink()
        assert "its file is gone" in look(s, 1)
        out = s.migrate("repair", "--forget", "002").stdout
        assert "before: state applied" in out and "after:  not in the history" in out, out
        look(s, 0)
        assert s.value("SELECT to_regclass('notes') IS NOT NULL") == "t"
        s.write("R__views.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;")
        s.migrate("up")
        s.psql("DROP VIEW v")
        found = json.loads(s.migrate("repair", "--forget", "R views", "--format", "json").stdout)
        assert found["migration"] == "R views" and "pending" in found["after"][0], found
        s.migrate("up")
        assert s.value("SELECT one FROM v") == "1"


def failed(s):
    base(s)
    s.write("V002__more.sql", "CREATE TABLE first (id bigint PRIMARY KEY);\n-- pgkeep:step\nINSERT INTO first SELECT 1 / (id - 1) FROM generate_series(1, 1) id;")
    assert s.migrate("up", check=False).returncode == 5
    out = look(s, 1)
    assert "state failed, 1 of 2 steps done" in out and "division by zero" in out and "--clear 002" in out and "--applied 002" in out, out


def test_clear_begins_again():
    with shop() as s:
        failed(s)
        s.psql("DROP TABLE first")
        s.write("V002__more.sql", "CREATE TABLE first (id bigint PRIMARY KEY);")
        out = s.migrate("repair", "--clear", "002").stdout
        assert "before: state failed" in out and "after:  pending" in out, out
        look(s, 0)
        s.migrate("up")
        assert s.value("SELECT to_regclass('first') IS NOT NULL") == "t"


def test_applied_ends_it():
    with shop() as s:
        failed(s)
        s.psql("INSERT INTO first VALUES (1)")
        s.migrate("repair", "--applied", "002")
        look(s, 0)
        assert "Nothing to do" in s.migrate("up").stderr
        assert s.value("SELECT count(*) FROM first") == "1"
        assert [row["state"] for row in s.status()["history"]] == ["applied", "applied"]


def test_invalid_index_is_dropped():
    with shop() as s:
        base(s)
        s.psql(FILL)
        s.write("V002__unique.sql", "CREATE UNIQUE INDEX CONCURRENTLY orders_state ON orders (state);")
        assert s.migrate("up", check=False).returncode in (4, 5)
        # Somebody else's INVALID index is none of ours.
        s.psql("CREATE UNIQUE INDEX CONCURRENTLY other_state ON orders (state)", check=False)
        out = look(s, 1)
        assert "public.orders_state is INVALID" in out and "--drop-invalid 002" in out and "other_state" not in out, out
        out = s.migrate("repair", "--drop-invalid", "002").stdout
        assert "before: public.orders_state is INVALID" in out and "is dropped" in out, out
        assert s.psql("SELECT relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE NOT indisvalid") == [["other_state"]]
        assert "it left no INVALID index" in s.migrate("repair", "--drop-invalid", "002").stdout
        s.psql("UPDATE orders SET state = id::text")
        s.migrate("up")
        look(s, 0)


def test_a_stopped_way_down_is_shown():
    with shop() as s:
        base(s)
        s.write("V001__orders.down.sql", "DROP TABLE orders;\n-- pgkeep:step\nDROP TABLE never;")
        assert s.migrate("down", check=False).returncode == 5
        out = look(s, 1)
        assert "state undoing, 1 of 2 steps done" in out and "migrate down" in out, out
        s.migrate("repair", "--clear", "001")
        look(s, 0)
        s.migrate("up")
        assert s.value("SELECT to_regclass('orders') IS NOT NULL") == "t"


def test_waits_for_a_runner():
    with shop() as s:
        base(s)
        s.write("V002__sleep.sql", "SELECT pg_sleep(2);")
        runner = s.start("up")
        wait_for(lambda: s.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(2)%'") == "1", "it sleeps")
        # What it sees is what the runner left, not what it was in the middle of.
        look(s, 0)
        runner.communicate(timeout=30)
        assert runner.returncode == 0
