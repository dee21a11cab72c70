"""`-- pgkeep:shadow` on the oldest server, by a role that owns the table and is no more than that, and through a transaction pooler."""
import signal

from migrations import pooler, shop
from support import run, wait_for
from test_migrate_shadow import ALTER, WIDER, Writers, accounts, check_rows, everything, expected, is_wider, look, phase, traces

# The owner may make schemas in the database and tables in this one; others own what its table refers to, and read it.
OWNED = """
CREATE ROLE keeper LOGIN; CREATE ROLE reader; CREATE ROLE stranger;
GRANT CREATE ON DATABASE shop TO keeper; GRANT USAGE, CREATE ON SCHEMA public TO keeper, stranger;
CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers SELECT generate_series(1, 50);
GRANT REFERENCES, SELECT ON customers TO keeper;
SET ROLE keeper;
CREATE TABLE kept (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customers, total int CHECK (total >= 0), note text, UNIQUE (note, id));
CREATE INDEX kept_customer ON kept (customer) WHERE total > 3;
CREATE STATISTICS kept_stats ON customer, total FROM kept;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.total := NEW.total + 0; RETURN NEW; END$$;
CREATE TRIGGER touching BEFORE UPDATE OF note ON kept FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON kept USING (customer < 100); ALTER TABLE kept ENABLE ROW LEVEL SECURITY;
CREATE VIEW seen AS SELECT id, note FROM kept; CREATE MATERIALIZED VIEW counted AS SELECT customer, count(*) FROM kept GROUP BY 1; CREATE UNIQUE INDEX ON counted (customer);
CREATE FUNCTION notes(i int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT note FROM kept WHERE id = i; END;
CREATE TABLE lines (kept int REFERENCES kept);
CREATE POLICY known ON lines USING (EXISTS (SELECT FROM kept WHERE id = lines.kept)); ALTER TABLE lines ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON kept, seen TO reader; GRANT UPDATE (note) ON kept TO reader; COMMENT ON TABLE kept IS 'kept'; COMMENT ON COLUMN kept.note IS 'a note';
INSERT INTO kept (customer, total, note) SELECT 1 + g % 50, g, 'n' || g FROM generate_series(1, 20000) g;
INSERT INTO lines SELECT generate_series(1, 100);
"""
WRITE = "INSERT INTO kept (customer, total, note) VALUES (1, 1, 'more'); UPDATE kept SET note = note || '!' WHERE id = {}; DELETE FROM kept WHERE id = {}"


def by_the_owner(major):
    with shop(major) as s:
        s.psql(OWNED)
        owner = s.server.uri("shop", "keeper")
        s.write("V001__wider.sql", "-- pgkeep:shadow\nALTER TABLE kept ALTER COLUMN total TYPE bigint, SET (fillfactor = 90);")
        # Interrupted, taken away, and done: the owner can do each.
        reader = s.session("BEGIN", "SELECT count(*) FROM kept")
        runner = s.start("up", "--allow", "change-type", target=owner)
        wait_for(lambda: runner.poll() is not None or s.value("SELECT to_regclass('pgkeep.schema_migration_steps') IS NOT NULL") == "t" and phase(s)[0] == "swapping", "the swap")
        runner.send_signal(signal.SIGINT)
        _, err = runner.communicate(timeout=30)
        s.close(reader)
        assert runner.returncode == 130, err
        s.migrate("repair", "--abort-shadow", target=owner)
        assert not traces(s), traces(s)
        runner = s.start("up", "--allow", "change-type", target=owner)
        written = 0
        while runner.poll() is None:
            s.psql(WRITE.format(1000 + written, 2000 + written), user="keeper")
            written += 1
        _, err = runner.communicate()
        assert runner.returncode == 0 and written > 1, err
        assert s.psql("SELECT count(*), count(*) FILTER (WHERE note = 'more') FROM kept") == [["20000", str(written)]]
        assert s.value("SELECT count(*) FROM kept WHERE note ~ '!'") == str(written) and not traces(s)
        assert s.psql("SELECT c.relowner::regrole, relreplident, relrowsecurity, has_table_privilege('reader', c.oid, 'SELECT'), has_column_privilege('reader', c.oid, 'note', 'UPDATE'), "
                      "has_table_privilege('reader', c.oid, 'UPDATE'), obj_description(c.oid) FROM pg_class c WHERE c.oid = 'kept'::regclass") == [["keeper", "d", "t", "t", "t", "f", "kept"]]
        assert s.psql("SELECT typname FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = 'kept'::regclass AND attname = 'total'") == [["int8"]]
        assert s.psql("SELECT relname, relowner::regrole FROM pg_class WHERE relname IN ('counted', 'seen') ORDER BY 1") == [["counted", "keeper"], ["seen", "keeper"]]
        assert s.psql("SELECT stxowner::regrole FROM pg_statistic_ext") == [["keeper"]]
        assert s.psql("SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1") == [["kept_customer_fkey", "t"], ["lines_kept_fkey", "t"]]
        s.migrate("repair", "--drop-kept", target=owner)
        s.psql("SELECT notes(1); SELECT * FROM seen LIMIT 1; REFRESH MATERIALIZED VIEW CONCURRENTLY counted; SELECT * FROM lines", user="keeper")


def test_by_the_owner_14():
    by_the_owner(14)


def test_by_the_owner_15():
    by_the_owner(15)


def test_by_the_owner_18():
    by_the_owner(18)


def test_what_the_owner_may_not_is_said():
    with shop() as s:
        s.psql(OWNED)
        owner = s.server.uri("shop", "keeper")
        s.write("V001__tight.sql", "-- pgkeep:shadow\nALTER TABLE kept SET (fillfactor = 90);")

        def refused(word, setup, undo):
            s.psql(setup)
            result = s.migrate("up", target=owner, check=False)
            assert result.returncode in (3, 4) and word in result.stderr, (result.returncode, result.stderr)
            assert not traces(s), traces(s)
            s.psql(undo)

        refused("public.other_view belongs to stranger, and keeper may not act as that role", "SET ROLE stranger; RESET ROLE; GRANT SELECT ON kept TO stranger; SET ROLE stranger; CREATE VIEW other_view AS SELECT id FROM kept", "DROP VIEW other_view")
        refused("the publication news belongs to postgres", "CREATE PUBLICATION news FOR TABLE kept", "DROP PUBLICATION news")
        refused("public.elsewhere belongs to postgres", "CREATE TABLE elsewhere (kept int REFERENCES kept)", "DROP TABLE elsewhere")
        refused("has no REFERENCES on public.customers", "REVOKE REFERENCES ON customers FROM keeper", "GRANT REFERENCES ON customers TO keeper")
        refused("may not CREATE in the schema public", "REVOKE CREATE ON SCHEMA public FROM keeper", "GRANT CREATE ON SCHEMA public TO keeper")
        refused("row security of public.kept is FORCEd", "ALTER TABLE kept FORCE ROW LEVEL SECURITY", "ALTER TABLE kept NO FORCE ROW LEVEL SECURITY")
        s.migrate("up", target=owner)


def test_everything_on_14():
    rows = 20_000
    with shop(14) as s:
        everything(s, rows)
        before = look(s)
        s.write("V001__types.sql", ALTER)
        with Writers(s, rows) as writers:
            runner = s.start("up", "--allow", "change-type")
            wait_for(lambda: runner.poll() is not None or phase(s)[0] in ("copying", "indexes", "checking", "swapping"), "the copy")
            runner.send_signal(signal.SIGKILL)
            _, err = runner.communicate()
            assert runner.returncode == -signal.SIGKILL, err
            out = s.migrate("up", "--allow", "change-type", check=False)
        assert out.returncode == 0, out.stdout + out.stderr
        assert not writers.failures, writers.failures[:5]
        want, have = expected(before), sorted(look(s))
        assert want == have, "\n".join(["gone:"] + [w for w in want if w not in have] + ["new:"] + [h for h in have if h not in want])
        check_rows(s, rows)
        assert not traces(s), traces(s)


def test_through_a_transaction_pooler():
    """Each transaction may run on another connection of the server; nothing of ours stays on them."""
    with shop() as s, pooler(s) as uri:
        accounts(s, 60_000)
        s.psql("CREATE MATERIALIZED VIEW sums AS SELECT total, count(*) FROM accounts GROUP BY 1; CREATE VIEW plain AS SELECT note FROM accounts")
        s.psql("CREATE PROCEDURE renote(i int, t text) LANGUAGE sql BEGIN ATOMIC UPDATE accounts SET note = t WHERE id = i; END")
        s.write("V001__tight.sql", "-- pgkeep:shadow\nALTER TABLE accounts SET (fillfactor = 80);")
        reader = s.session("BEGIN", "SELECT count(*) FROM accounts")
        runner = s.start("up", target=uri)
        wait_for(lambda: phase(s)[0] == "swapping" or runner.poll() is not None, "the swap")
        s.psql("UPDATE accounts SET note = 'changed' WHERE id <= 100; DELETE FROM accounts WHERE id > 59990")
        runner.send_signal(signal.SIGKILL)
        runner.communicate()
        s.close(reader)
        s.migrate("up", target=uri)
        assert s.value("SELECT reloptions FROM pg_class WHERE oid = 'accounts'::regclass") == "{fillfactor=80}" and not traces(s)
        assert s.psql("SELECT count(*), count(*) FILTER (WHERE note = 'changed') FROM accounts") == [["59990", "100"]]
        s.psql("CALL renote(7, 'by name'); REFRESH MATERIALIZED VIEW sums")
        assert s.psql("SELECT note FROM plain WHERE note = 'by name'") == [["by name"]] and s.value("SELECT sum(count) FROM sums") == "59990"
        for setting, value in (("search_path", '"$user", public'), ("lock_timeout", "0"), ("row_security", "on"), ("session_replication_role", "origin")):
            for _ in range(5):
                assert run(["psql", "-X", "-A", "-t", "-d", uri, "-c", f"SHOW {setting}"]).stdout.strip() == value
        # Two types and a key, begun through the pooler and ended beside it.
        s.psql("DROP MATERIALIZED VIEW sums; DROP VIEW plain; DROP PROCEDURE renote")
        s.write("V002__wider.sql", WIDER)
        s.migrate("up", "--allow", "change-type", target=uri)
        assert is_wider(s) and not traces(s)
