"""What a batch leaves to others: it waits while a real standby is behind (`max-lag`), and rests while sessions have come to wait."""
import subprocess
import threading

from migrations import shop
from support import Standby, wait_for

ROWS = 100_000
BATCH = "-- pgkeep:batch key=id size=50 max-lag=300ms\nUPDATE orders SET total = total + 1;"


def changed(s):
    return int(s.value("SELECT coalesce(max(rows), 0) FROM pgkeep.schema_migration_steps WHERE kind = 'batch'"))


def test_batches_wait_for_a_standby_that_is_behind():
    with shop() as s, Standby(s.server) as standby:
        s.migrate("up")
        s.psql(f"CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL) WITH (fillfactor = 50); INSERT INTO orders SELECT g, 0 FROM generate_series(1, {ROWS}) g")
        wait_for(lambda: s.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1", "the standby streams")
        s.write("V001__batch.sql", BATCH)
        runner = s.start("up")
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(runner.stderr.readline, "")))
        reader.start()

        def waited():
            return sum("a standby is" in line for line in lines)

        wait_for(lambda: changed(s) > 0 or runner.poll() is not None, "the first batches")
        standby.psql("SELECT pg_wal_replay_pause()")
        try:
            # It looks once a second. Each line is another look while it waits.
            wait_for(lambda: waited() >= 1 or runner.poll() is not None, "the batch waits")
            at_first = changed(s)
            looks = waited()
            wait_for(lambda: waited() >= looks + 4 or runner.poll() is not None, "the batch still waits")
            assert runner.poll() is None, "".join(lines)
            assert changed(s) == at_first < ROWS, (at_first, changed(s))
        finally:
            standby.psql("SELECT pg_wal_replay_resume()")
        assert runner.wait(timeout=120) == 0, "".join(lines)
        reader.join()
        assert "behind" in "".join(lines)
        assert s.value("SELECT count(*) FROM orders WHERE total = 1") == str(ROWS)
        waits = s.value("SELECT waited_ms FROM pgkeep.schema_migration_steps WHERE kind = 'batch'")
        assert int(waits) >= 1_000, waits
        # The standby has them all, too.
        wait_for(lambda: standby.psql("SELECT count(*) FROM orders WHERE total = 1", "shop")[0][0] == str(ROWS), "the standby catches up")


def test_batches_rest_while_others_wait():
    with shop() as s:
        s.migrate("up")
        s.psql(f"CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL) WITH (fillfactor = 50); INSERT INTO orders SELECT g, 0 FROM generate_series(1, {ROWS}) g")
        # Slow rows, until told: the batch must not end before the others have come.
        s.psql("CREATE TABLE busy (id int); CREATE TABLE pace AS SELECT true AS is_slow")
        s.psql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT is_slow FROM public.pace) THEN PERFORM pg_catalog.pg_sleep(0.002); END IF; RETURN NEW; END $$; "
               "CREATE TRIGGER slow BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION slow()")
        s.write("V001__batch.sql", "-- pgkeep:batch key=id size=50\nUPDATE orders SET total = total + 1;")
        runner = s.start("up")
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(runner.stderr.readline, "")))
        reader.start()
        wait_for(lambda: changed(s) > 0 or runner.poll() is not None, "the first batches")
        assert not any("rests between batches" in line for line in lines), lines
        holder = s.session("BEGIN", "LOCK TABLE busy")
        waiting = [subprocess.Popen(["psql", "-X", "-q", "-d", s.uri, "-c", "SELECT count(*) FROM busy"], stdout=subprocess.DEVNULL) for _ in range(6)]
        try:
            wait_for(lambda: any("sessions wait for locks or the disk, 0 did before" in line for line in lines) or runner.poll() is not None, "it rests")
            assert runner.poll() is None, "".join(lines)
            # It rests, and works.
            at_first = changed(s)
            wait_for(lambda: changed(s) > at_first or runner.poll() is not None, "it goes on all the same")
        finally:
            s.psql("UPDATE pace SET is_slow = false")
            s.close(holder)
            for process in waiting:
                process.wait(timeout=30)
        assert runner.wait(timeout=120) == 0, "".join(lines)
        reader.join()
        assert s.value("SELECT count(*) FROM orders WHERE total = 1") == str(ROWS)
        assert int(s.value("SELECT waited_ms FROM pgkeep.schema_migration_steps WHERE kind = 'batch'")) > 0
