"""`pgkeep migrate` up, down, status, plan on real servers: what is run, what is refused, and the words for it."""
import json
import signal
import subprocess
import time

from migrations import pooler, shop
from support import pgkeep, wait_for

ORDERS = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL, state text NOT NULL DEFAULT 'new');"
FILL = "INSERT INTO orders (total) SELECT g FROM generate_series(1, {}) g"


def base(s, rows=0):
    s.write("V001__orders.sql", ORDERS)
    s.write("V001__orders.down.sql", "DROP TABLE orders;")
    s.migrate("up")
    if rows:
        s.psql(FILL.format(rows))
        s.psql("ANALYZE orders")


def test_up_down_up():
    with shop() as s:
        base(s)
        s.write("V002__note.sql", "ALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX CONCURRENTLY orders_state ON orders (state);\nCREATE INDEX CONCURRENTLY orders_total ON orders (total);")
        s.write("V002__note.down.sql", "DROP INDEX CONCURRENTLY orders_state;\nDROP INDEX CONCURRENTLY orders_total;\nALTER TABLE orders DROP COLUMN note;")
        s.write("V003__says.sql", "DO $$ BEGIN RAISE WARNING 'look here'; END $$;\nDROP VIEW IF EXISTS never;")
        s.write("V003__says.down.sql", "SELECT 1;")
        s.write("R__totals.sql", "CREATE OR REPLACE VIEW totals AS SELECT state, sum(total) AS total FROM orders GROUP BY state;")
        assert [p["migration"] for p in s.status()["pending"]] == ["V002 note", "V003 says", "R totals"]
        out = s.migrate("up")
        assert "WARNING: look here" in out.stderr and 'view "never" does not exist, skipping' in out.stderr, out.stderr
        assert "step 2 of 3: CREATE INDEX CONCURRENTLY orders_state" in out.stderr, out.stderr
        assert s.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'orders'") == "3"
        states = [(row["version"] or row["name"], row["state"], row["steps_done"]) for row in s.status()["history"]]
        assert states == [("001", "applied", 1), ("002", "applied", 3), ("003", "applied", 1), ("totals", "applied", 1)], states
        again = s.migrate("up")
        assert "Nothing to do" in again.stderr
        s.psql("DROP VIEW totals")
        s.migrate("down", "--to", "0")
        assert s.value("SELECT count(*) FROM pg_tables WHERE tablename = 'orders'") == "0"
        s.migrate("up", "--to", "2")
        assert s.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'orders'") == "3"
        # Who, when and how long stand in the history.
        row = s.status()["history"][-1]
        assert row["applied_by"] == "postgres" and row["started_at"].endswith("Z") and row["tool"].startswith("pgkeep "), row


def test_edited_file_stops_and_comments_do_not():
    with shop() as s:
        base(s)
        path = s.path / "V001__orders.sql"
        text = path.read_text()
        path.write_text("-- Another licence header.\n\n" + text.replace("CREATE TABLE orders", "CREATE   TABLE\n  orders"))
        s.migrate("up")
        path.write_text(text.replace("'new'", "'fresh'"))
        refused = s.migrate("up", check=False)
        assert refused.returncode == 1, refused
        assert "the file was changed after it was applied" in refused.stdout
        assert "-CREATE TABLE" in refused.stdout and "+CREATE TABLE" in refused.stdout and "'fresh'" in refused.stdout, refused.stdout


def test_wrong_input():
    with shop() as s:
        base(s)

        def refused(code, *words, **options):
            result = s.migrate(*(options.pop("command", ("up",))), check=False, **options)
            text = result.stdout + result.stderr
            assert result.returncode == code, (code, result.returncode, text)
            for word in words:
                assert word in text, (word, text)
            return text

        s.write("V002__wrong.sql", "SELECT 1;\nCREATE TABLE x (\n  id bigint PRIMARY KEY,\n  total nummeric\n);")
        refused(1, "V002__wrong.sql:5:9", "nummeric")
        refused(4, "V002__wrong.sql:5:9", 'type "nummeric" does not exist', command=("up", "--allow", "unknown-type"))
        assert s.value("SELECT to_regclass('x') IS NULL") == "t"
        s.write("V002__wrong.sql", "ALTER TABEL orders ADD COLUMN a int;")
        refused(1, "V002__wrong.sql:2:7", "syntax error")
        s.write("V002__wrong.sql", "\\d orders")
        refused(2, "V002__wrong.sql:2:1", "psql")
        (s.path / "V002__wrong.sql").unlink()
        s.write("V002__a.sql", "SELECT 1;")
        s.write("V0002__b.sql", "SELECT 1;")
        refused(2, "V0002__b.sql", "V002__a.sql")
        (s.path / "V0002__b.sql").unlink()
        s.migrate("up")
        refused(2, "V002 a has no way down", "V002__a.down.sql", command=("down",))
        s.write("V003__only.down.sql", "SELECT 1;")
        refused(2, "no way up")
        (s.path / "V003__only.down.sql").unlink()
        (s.path / "V002__a.sql").rename(s.path / "V003__a.sql")
        refused(1, "its file is gone", "V002 a")
        (s.path / "V003__a.sql").rename(s.path / "V002__a.sql")
        s.write("V001.5__late.sql", "SELECT 1;")
        refused(1, "V002 is applied already")
        (s.path / "V001.5__late.sql").unlink()
        s.write("V003__b.sql", "CREATE TABLE b (id bigint PRIMARY KEY);")
        s.server.psql("ALTER DATABASE shop SET default_transaction_read_only = on")
        refused(3, "read-only")
        s.server.psql("ALTER DATABASE shop RESET default_transaction_read_only")
        s.psql("CREATE ROLE nobody LOGIN")
        refused(4, "permission denied", target=s.server.uri("shop", "nobody"))
        refused(3, "no_such", target=s.server.uri("no_such"))
        s.migrate("up")


def test_dangers_are_refused_at_real_sizes():
    with shop() as s:
        base(s)
        s.write("V002__index.sql", "CREATE INDEX orders_state ON orders (state);")
        s.migrate("up")  # An empty table: no danger.
        s.psql(FILL.format(50_000))
        s.psql("ANALYZE orders")
        s.write("V003__index.sql", "CREATE INDEX orders_total ON orders (total);")
        refused = s.migrate("up", check=False)
        assert refused.returncode == 1 and "CONCURRENTLY" in refused.stdout and "V003__index.sql:2" in refused.stdout, refused.stdout
        assert s.value("SELECT to_regclass('orders_total') IS NULL") == "t"
        rule = json.loads(s.migrate("up", "--format", "json", check=False).stdout)["findings"][0]["rule"]
        plan = s.migrate("plan", check=False)
        assert plan.returncode == 1 and "SHARE on orders, builds an index" in plan.stdout, plan.stdout
        s.migrate("up", "--allow", rule)


def test_waits_outside_the_queue_and_names_the_blocker():
    with shop() as s:
        base(s, 100)
        s.write("V002__note.sql", "ALTER TABLE orders ADD COLUMN note text;")
        blocker = s.session("BEGIN", "SELECT count(*) FROM orders")
        pid = s.value("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'")
        runner = s.start("up", "--format", "json")
        # Others work on while it waits: each of these statements would be stopped by a lock in the queue.
        seen = 0
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            s.psql("SET statement_timeout = '900ms'; UPDATE orders SET state = 'seen' WHERE id = 1")
            seen += 1
        assert seen > 3 and runner.poll() is None
        s.close(blocker)
        out, err = runner.communicate(timeout=30)
        assert runner.returncode == 0, err
        events = [json.loads(line) for line in out.splitlines()]
        waiting = [event for event in events if event["event"] == "waiting"]
        assert waiting and f"pid {pid}" in waiting[0]["text"] and "holds AccessShareLock on public.orders" in waiting[0]["text"], waiting
        assert s.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'note'") == "1"


def test_gives_up_with_the_names_of_those_in_the_way():
    with shop() as s:
        base(s, 100)
        s.write("V002__first.sql", "ALTER TABLE orders ADD COLUMN note text;")
        blocker = s.session("BEGIN", "SELECT count(*) FROM orders")
        pid = s.value("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'")
        late = s.migrate("up", "--wait", "500ms", check=False)
        assert late.returncode == 4 and f"pid {pid}" in late.stderr, late.stderr
        s.write("V002__first.sql", "CREATE TABLE other (id bigint PRIMARY KEY);\n-- pgkeep:step\nALTER TABLE orders ADD COLUMN note text;")
        late = s.migrate("up", "--wait", "500ms", check=False)
        assert late.returncode == 5 and f"pid {pid}" in late.stderr and "1 of 2 steps are done" in late.stderr, late.stderr
        s.close(blocker)
        s.migrate("up")
        assert s.value("SELECT to_regclass('other') IS NOT NULL") == "t"


def test_invalid_index_is_built_again():
    with shop() as s:
        base(s, 1_000)
        s.psql("UPDATE orders SET state = 'twice'")
        s.write("V002__unique.sql", "CREATE UNIQUE INDEX CONCURRENTLY orders_state ON orders (state);")
        failed = s.migrate("up", check=False)
        assert failed.returncode == 5 or failed.returncode == 4, failed
        assert "could not create unique index" in failed.stderr and "INVALID" in failed.stderr, failed.stderr
        assert s.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_state'::regclass") == "f"
        s.psql("UPDATE orders SET state = id::text")
        again = s.migrate("up")
        assert "is INVALID" in again.stderr and "built again" in again.stderr, again.stderr
        assert s.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_state'::regclass") == "t"


def test_concurrent_build_waits_for_a_long_writer():
    with shop() as s:
        base(s, 1_000)
        s.psql("ALTER ROLE postgres SET lock_timeout = '300ms'")
        s.write("V002__index.sql", "CREATE INDEX CONCURRENTLY orders_state ON orders (state);")
        writer = s.session("BEGIN", "UPDATE orders SET state = 'x' WHERE id = 1")
        runner = s.start("up")
        wait_for(lambda: s.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND wait_event_type = 'Lock' "
                                 "AND clock_timestamp() - query_start > '1 s'") == "1", "the build waits for the writer")
        s.close(writer)
        _, err = runner.communicate(timeout=60)
        assert runner.returncode == 0, err
        assert s.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_state'::regclass") == "t"


BATCH = "-- pgkeep:batch key=id size=200\nUPDATE orders SET total = total + 1 -- every row once\nWHERE state = 'new';"


def test_batches_do_each_row_once():
    with shop() as s:
        base(s, 5_000)
        s.psql("UPDATE orders SET state = 'old' WHERE id % 10 = 0")
        s.write("V002__batch.sql", BATCH)
        s.migrate("up")
        assert s.value("SELECT count(*) FROM orders WHERE total = id + (state = 'new')::int") == "5000"
        assert s.value("SELECT rows FROM pgkeep.schema_migration_steps WHERE kind = 'batch'") == "4500"
        s.write("V003__remove.sql", "-- pgkeep:batch key=id\nDELETE FROM orders o WHERE o.state = '{old}';")
        s.psql("UPDATE orders SET state = '{old}' WHERE state = 'old'")
        s.migrate("up")
        assert s.value("SELECT count(*) FROM orders") == "4500"
        s.write("V004__bad.sql", "-- pgkeep:batch key=id\nUPDATE orders SET id = id + 1;")
        refused = s.migrate("up", check=False)
        assert refused.returncode == 2 and "V004__bad.sql:3" in refused.stderr and "the key of its batches" in refused.stderr, refused.stderr


def test_batches_go_on_after_a_kill():
    with shop() as s:
        base(s, 20_000)
        s.write("V002__batch.sql", BATCH.replace("size=200", "size=50"))
        runner = s.start("up")
        wait_for(lambda: int(s.value("SELECT coalesce(max(rows), 0) FROM pgkeep.schema_migration_steps WHERE kind = 'batch'")) > 500, "some batches")
        runner.send_signal(signal.SIGKILL)
        runner.communicate()
        state = s.status()["history"][-1]
        assert state["state"] == "running", state
        s.migrate("up")
        assert s.value("SELECT count(*) FROM orders WHERE total = id + 1") == "20000"
        assert s.value("SELECT rows FROM pgkeep.schema_migration_steps WHERE kind = 'batch'") == "20000"


def test_two_runners_apply_each_file_once():
    with shop() as s:
        base(s)
        for number in range(2, 8):
            s.write(f"V{number:03}__add.sql", f"INSERT INTO orders (total) VALUES ({number}); SELECT pg_sleep(0.05);")
        runners = [s.start("up") for _ in range(3)]
        for runner in runners:
            _, err = runner.communicate(timeout=60)
            assert runner.returncode == 0, err
        assert s.value("SELECT count(*) || ' ' || count(DISTINCT total) FROM orders") == "6 6"
        holder = s.session("BEGIN", f"SELECT pg_advisory_xact_lock({0x70676b6565706d67})")
        leaves = s.migrate("up", "--if-running", "leave", check=False)
        assert leaves.returncode == 3 and "another runner" in leaves.stderr, leaves.stderr
        s.close(holder)


def test_lost_connection_says_how_to_go_on():
    with shop() as s:
        base(s, 100)
        s.write("V002__sleep.sql", "INSERT INTO orders (total) VALUES (0);\n-- pgkeep:step\nSELECT pg_sleep(60);")
        runner = s.start("up")
        wait_for(lambda: s.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'") == "1", "it sleeps")
        s.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'")
        _, err = runner.communicate(timeout=30)
        assert runner.returncode == 3 and "1 of 2 steps are done" in err and "goes on" in err, (runner.returncode, err)
        s.write("V002__sleep.sql", "INSERT INTO orders (total) VALUES (0);\n-- pgkeep:step\nSELECT pg_sleep(0.1);")
        s.migrate("up")
        assert s.value("SELECT count(*) FROM orders WHERE total = 0") == "1"


def test_interrupted_leaves_the_server_in_order():
    with shop() as s:
        base(s, 10)
        s.write("V002__sleep.sql", "INSERT INTO orders (total) VALUES (0);\n-- pgkeep:step\nINSERT INTO orders (total) SELECT 1 FROM pg_sleep(60);")
        runner = s.start("up")
        sleeps = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT%pg_sleep(60)%' AND state = 'active'"
        wait_for(lambda: s.value(sleeps) == "1", "it sleeps")
        runner.send_signal(signal.SIGINT)
        _, err = runner.communicate(timeout=30)
        assert runner.returncode == 130 and "1 of 2 steps are done" in err, (runner.returncode, err)
        assert s.value(sleeps) == "0"
        (s.path / "V002__sleep.sql").write_text((s.path / "V002__sleep.sql").read_text().replace("60", "0"))
        s.migrate("up")
        assert s.value("SELECT count(*) FROM orders WHERE total < 2") == "3"


def test_newer_syntax_is_the_servers_to_judge():
    with shop(18) as s:
        base(s)
        s.write("V002__new.sql", "CREATE TABLE v (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) VIRTUAL);\n"
                "ALTER TABLE orders ADD CONSTRAINT orders_state_check CHECK (state <> '') NOT ENFORCED;")
        s.migrate("up")
        assert s.value("SELECT count(*) FROM pg_constraint WHERE conname = 'orders_state_check' AND NOT conenforced") == "1"
        s.write("V003__bad.sql", "CREATE TABLE w (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) VIRTUOUS);")
        refused = s.migrate("up", check=False)
        assert refused.returncode == 1 and "V003__bad.sql:2" in refused.stdout, refused


def test_new_counts_as_the_folder_does():
    with shop() as s:
        out = pgkeep("migrate", "new", "Create users!", "--dir", s.path).stdout.split()
        assert [path.rsplit("/", 1)[1] for path in out] == ["V001__create_users.sql", "V001__create_users.down.sql"], out
        out = pgkeep("migrate", "new", "add", "note", "--dir", s.path).stdout.split()
        assert out[0].endswith("V002__add_note.sql"), out
        twice = pgkeep("migrate", "new", "!!", "--dir", s.path, check=False)
        assert twice.returncode == 2


def test_through_a_transaction_pooler():
    """PgBouncer in transaction mode: steps, batches and CONCURRENTLY, and the lock of the runner."""
    with shop() as s, pooler(s) as uri:
        base(s, 2_000)
        s.write("V002__all.sql", "ALTER TABLE orders ADD COLUMN note text;\n-- pgkeep:batch key=id\nUPDATE orders SET note = 'x', total = total + 1;\n"
                "CREATE INDEX CONCURRENTLY orders_state ON orders (state);")
        s.migrate("up", target=uri)
        assert s.value("SELECT count(*) FROM orders WHERE note = 'x' AND total = id + 1") == "2000"
        assert s.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_state'::regclass") == "t"
        # Nothing of ours stays on connections that others get next.
        rows = subprocess.run(["psql", "-X", "-A", "-t", "-d", uri, "-c", "SHOW lock_timeout", "-c", "SHOW search_path"], capture_output=True, text=True)
        assert rows.stdout.split("\n")[:2] == ["0", '"$user", public'], rows
        for number in range(3, 7):
            s.write(f"V{number:03}__add.sql", f"INSERT INTO orders (total) VALUES (-{number}); SELECT pg_sleep(0.05);")
        runners = [s.start("up", target=uri), s.start("up")]
        for runner in runners:
            _, err = runner.communicate(timeout=60)
            assert runner.returncode == 0, err
        assert s.value("SELECT count(*) || ' ' || count(DISTINCT total) FROM orders WHERE total < 0") == "4 4"


def test_autovacuum_gives_way():
    with shop(settings={"autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1",
                        "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1"}) as s:
        base(s, 50_000)
        s.psql("UPDATE orders SET state = 'seen'")
        at_work = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'orders'::regclass"
        wait_for(lambda: s.value(at_work) == "1", "autovacuum is at work on the table", 90)
        s.write("V002__note.sql", "ALTER TABLE orders ADD COLUMN note text;")
        s.migrate("up", "--wait", "20s")
