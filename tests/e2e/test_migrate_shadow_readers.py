"""`-- pgkeep:shadow`: what reads the table from elsewhere reads the new one afterwards: materialized views and chains of them, views of every
kind, rules and policies of other tables, SQL-body functions."""
import signal

from migrations import shop
from support import pgkeep, wait_for
from test_migrate_shadow import WIDER, accounts, is_wider, phase, traces

# What reads "accounts", directly or through a materialized view.
READERS = """
CREATE ROLE reader; CREATE ROLE writer LOGIN;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO writer;
CREATE SCHEMA "Re ports";
CREATE TABLE kinds (note text PRIMARY KEY, kind text); INSERT INTO kinds SELECT 'n' || g, 'k' || g % 7 FROM generate_series(1, 100) g;
CREATE MATERIALIZED VIEW "Re ports"."Su ms" (kind, n, "All of it") WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.2) AS
  SELECT k.kind, count(*), max(accounts.note) FROM accounts JOIN kinds k USING (note) WHERE EXISTS (SELECT FROM accounts other WHERE other.note = k.note) GROUP BY 1;
CREATE UNIQUE INDEX sums_key ON "Re ports"."Su ms" (kind); CREATE INDEX sums_n ON "Re ports"."Su ms" (n DESC) WHERE n > 1;
CREATE STATISTICS sums_stats (ndistinct) ON kind, n FROM "Re ports"."Su ms";
ALTER MATERIALIZED VIEW "Re ports"."Su ms" ALTER kind SET STATISTICS 300; ALTER MATERIALIZED VIEW "Re ports"."Su ms" ALTER kind SET (n_distinct = 7);
ALTER MATERIALIZED VIEW "Re ports"."Su ms" ALTER "All of it" SET STORAGE EXTERNAL; ALTER MATERIALIZED VIEW "Re ports"."Su ms" CLUSTER ON sums_key;
REVOKE ALL ON "Re ports"."Su ms" FROM writer; GRANT SELECT ON "Re ports"."Su ms" TO reader WITH GRANT OPTION; GRANT SELECT (n) ON "Re ports"."Su ms" TO writer;
COMMENT ON MATERIALIZED VIEW "Re ports"."Su ms" IS 'it''s sums'; COMMENT ON COLUMN "Re ports"."Su ms".n IS 'how many'; COMMENT ON INDEX "Re ports".sums_n IS 'an index';
COMMENT ON STATISTICS sums_stats IS 'statistics';
CREATE MATERIALIZED VIEW higher AS WITH s AS (SELECT * FROM "Re ports"."Su ms") SELECT s.kind, s.n, a.id FROM s JOIN accounts a ON a.id = s.n;
CREATE INDEX ON higher (id);
CREATE MATERIALIZED VIEW empty AS SELECT accounts.* FROM ONLY accounts WITH NO DATA;
CREATE VIEW of_matview AS SELECT h.kind, s.n FROM higher h JOIN "Re ports"."Su ms" s USING (kind);
GRANT SELECT (kind) ON of_matview TO reader; COMMENT ON COLUMN of_matview.kind IS 'a kind';
CREATE MATERIALIZED VIEW of_view AS SELECT count(*) AS n FROM of_matview;
CREATE VIEW barrier WITH (security_barrier = true) AS SELECT id, note FROM accounts WHERE id < 100;
CREATE VIEW checked WITH (check_option = cascaded{invoker}) AS SELECT id, total, note FROM accounts WHERE id > 0;
ALTER VIEW checked ALTER note SET DEFAULT 'by default';
GRANT SELECT (id), UPDATE (note) ON checked TO reader; GRANT INSERT ON checked TO writer;
CREATE VIEW ruled AS SELECT id, note FROM accounts;
CREATE RULE to_accounts AS ON INSERT TO ruled DO INSTEAD INSERT INTO accounts (id, total, note) VALUES (NEW.id, 0, NEW.note);
CREATE TABLE requests (id int, note text); ALTER TABLE requests ENABLE ROW LEVEL SECURITY; GRANT SELECT, INSERT ON requests TO writer; GRANT SELECT ON accounts TO writer;
CREATE RULE counted AS ON INSERT TO requests DO ALSO UPDATE accounts SET note = 'asked' WHERE accounts.id = NEW.id;
CREATE RULE unused AS ON DELETE TO requests DO INSTEAD DELETE FROM accounts; ALTER TABLE requests DISABLE RULE unused;
COMMENT ON RULE counted ON requests IS 'a rule';
CREATE POLICY known ON requests FOR SELECT TO writer USING (EXISTS (SELECT FROM accounts WHERE accounts.id = requests.id));
CREATE POLICY many ON requests AS RESTRICTIVE TO PUBLIC USING (id < 1000000 AND (SELECT count(*) FROM higher) >= 0) WITH CHECK (id > (SELECT min(a.id) FROM accounts a));
CREATE POLICY any_insert ON requests FOR INSERT TO writer WITH CHECK (true);
COMMENT ON POLICY known ON requests IS 'a policy';
CREATE FUNCTION notes(i int) RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC SELECT note FROM accounts WHERE id = i; SELECT kind FROM "Re ports"."Su ms"; END;
CREATE PROCEDURE renote(i int, t text) LANGUAGE sql BEGIN ATOMIC UPDATE accounts SET note = t WHERE id = i; END;
REVOKE ALL ON FUNCTION notes FROM PUBLIC; GRANT EXECUTE ON FUNCTION notes TO reader;
CREATE POLICY own ON accounts USING (note IN (SELECT "All of it" FROM "Re ports"."Su ms") OR id > 0);
CREATE RULE own AS ON UPDATE TO accounts WHERE OLD.id < -5 DO ALSO INSERT INTO kinds SELECT n, kind FROM "Re ports"."Su ms";
"""
TIGHT = "-- pgkeep:shadow\nALTER TABLE accounts SET (fillfactor = 90);"


def readers(s, rows):
    accounts(s, rows)
    s.psql(READERS.replace("{invoker}", ", security_invoker = true" if s.server.major >= 15 else ""))


def difference(s, before):
    """What `snapshot diff` sees between then and now, but for what the statement asks for."""
    lines = pgkeep("snapshot", "diff", before, s.uri, check=False).stdout.splitlines()
    return [line for line in lines if "fillfactor=90" not in line and line.strip()]


# Each depends on what has the name now, and on nothing of the old table's.
DANGLING = """
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' -> ' || d.refobjid::regclass FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid
 WHERE d.refclassid = 'pg_class'::regclass AND c.relnamespace = 'pgkeep'::regnamespace AND c.relname ~ '^(old|shadow)_'
   AND d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass)
   AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class = c.oid)
   AND NOT EXISTS (SELECT FROM pg_policy p WHERE d.classid = 'pg_policy'::regclass AND p.oid = d.objid AND p.polrelid = c.oid)
"""


def every_reader(major):
    with shop(major) as s:
        readers(s, 3_000)
        before = s.path.parent / "before.json"
        pgkeep("snapshot", "save", "-o", before, s.uri)
        rows = s.psql('SELECT * FROM "Re ports"."Su ms" ORDER BY 1')
        s.write("V001__tight.sql", TIGHT)
        out = s.migrate("up", check=False)
        assert out.returncode == 0, out.stderr
        assert "higher was filled from the new table" in out.stderr, out.stderr
        assert not difference(s, before), "\n".join(difference(s, before))
        assert not s.psql(DANGLING) and not traces(s), (s.psql(DANGLING), traces(s))
        assert s.psql("SELECT count(*) FROM pg_class WHERE relkind = 'm' AND relnamespace = 'pgkeep'::regnamespace") == [["0"]]
        assert rows == s.psql('SELECT * FROM "Re ports"."Su ms" ORDER BY 1') and len(rows) == 7
        assert s.psql("SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1") == [["Su ms", "t"], ["empty", "f"], ["higher", "t"], ["of_view", "t"]]
        # Each reads, and writes, the new table; the old one is dropped first.
        kept = s.value("SELECT oid::regclass FROM pg_class WHERE relname ~ '^old_accounts'")
        s.psql(f"DROP TABLE {kept}")
        s.psql("INSERT INTO ruled VALUES (70001, 'n1'); INSERT INTO checked (id, total) VALUES (70002, 5); CALL renote(70003, 'x'); INSERT INTO requests VALUES (70002, 'r')")
        assert s.psql("SELECT id, note FROM accounts WHERE id > 70000 ORDER BY 1") == [["70001", "n1"], ["70002", "asked"]]
        assert not s.psql("INSERT INTO checked VALUES (-1, 0, '')", check=False) and s.value("SELECT count(*) FROM accounts WHERE id < 0") == "0", "the check option holds"
        assert s.value("SELECT count(*) FROM requests", ) == "1"
        assert s.psql("SELECT count(*) FROM requests", user="writer") == [["1"]]
        s.psql('REFRESH MATERIALIZED VIEW CONCURRENTLY "Re ports"."Su ms"; REFRESH MATERIALIZED VIEW higher; REFRESH MATERIALIZED VIEW empty; REFRESH MATERIALIZED VIEW of_view')
        assert s.value("SELECT count(*) FROM empty") == "3002"
        assert int(s.value('SELECT sum(n) FROM "Re ports"."Su ms"')) == sum(int(row[1]) for row in rows) + 1


def test_every_reader_follows_14():
    every_reader(14)


def test_every_reader_follows_15():
    every_reader(15)


def test_every_reader_follows_18():
    every_reader(18)


def copies(s):
    return [row[0] for row in s.psql("SELECT relname FROM pg_class WHERE relname ~ '^shadow_.*_mv_' OR relname ~ '^shadow_' AND relkind = 'i' AND relname !~ '^shadow_log'")]


def test_killed_with_copies_and_aborted():
    with shop() as s:
        accounts(s, 20_000)
        s.psql("CREATE MATERIALIZED VIEW sums AS SELECT id % 10 AS x, sum(length(note)) AS n FROM accounts GROUP BY 1; CREATE UNIQUE INDEX ON sums (x); "
               "CREATE MATERIALIZED VIEW above AS SELECT max(n) FROM sums; CREATE STATISTICS s_sums ON x, n FROM sums")
        before = s.psql("SELECT oid, relname FROM pg_class WHERE relname !~ '^pg_' ORDER BY 1")
        s.write("V001__tight.sql", TIGHT)

        def killed_at_the_swap():
            reader = s.session("BEGIN", "SELECT count(*) FROM accounts")
            runner = s.start("up")
            wait_for(lambda: phase(s)[0] == "swapping" and len(s.psql("SELECT 1 FROM pg_class WHERE relname ~ '_mv_' AND relkind = 'm'")) == 2, "the copies")
            runner.send_signal(signal.SIGKILL)
            runner.communicate()
            s.close(reader)

        killed_at_the_swap()
        s.migrate("repair", "--abort-shadow")
        assert not traces(s) and not copies(s), (traces(s), copies(s))
        assert before == s.psql("SELECT oid, relname FROM pg_class WHERE relname !~ '^pg_' ORDER BY 1")
        killed_at_the_swap()
        # A view that went meanwhile leaves no copy; one that came gets its own; rows are those of now.
        s.psql("DROP MATERIALIZED VIEW above; CREATE MATERIALIZED VIEW other AS SELECT count(*) AS n FROM accounts; INSERT INTO accounts VALUES (90001, 1, 'late')")
        s.migrate("up")
        assert not traces(s) and not copies(s), (traces(s), copies(s))
        assert s.psql("SELECT n FROM other") == [["20001"]] and s.value("SELECT sum(n) FROM sums") == s.value("SELECT sum(length(note)) FROM accounts")
        assert s.psql("SELECT matviewname FROM pg_matviews ORDER BY 1") == [["other"], ["sums"]]
        # The table goes while a copy reads its shadow.
        s.write("V002__again.sql", TIGHT.replace("90", "95"))
        reader = s.session("BEGIN", "SELECT count(*) FROM accounts")
        runner = s.start("up")
        wait_for(lambda: len(copies(s)) > 1 and phase(s)[0], "a copy")
        runner.send_signal(signal.SIGKILL)
        runner.communicate()
        s.close(reader)
        s.psql("DROP TABLE accounts CASCADE")
        s.migrate("repair", "--abort-shadow")
        assert not traces(s) and not copies(s), (traces(s), copies(s))


def test_what_cannot_follow_is_said():
    with shop() as s:
        accounts(s, 50)
        s.psql("CREATE ROLE other; CREATE ROLE owner; GRANT USAGE, CREATE ON SCHEMA public TO other, owner; GRANT SELECT ON accounts TO other; GRANT owner TO other")
        s.psql("CREATE MATERIALIZED VIEW sums AS SELECT id, sum(length(note)) AS n FROM accounts GROUP BY 1")

        def refused(word, setup, undo, sql=TIGHT):
            s.psql(setup)
            s.write("V001__x.sql", sql)
            result = s.migrate("up", "--allow", "change-type", "--allow", "change-type-dependents", "--allow", "drop-column", check=False)
            assert result.returncode in (2, 4) and word in result.stderr, (result.returncode, result.stderr)
            assert not traces(s) and not copies(s)
            s.psql(undo)

        refused("function public.f(public.sums) depends on the row type of public.sums", "CREATE FUNCTION f(a sums) RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION f")
        refused("public.sums belongs to other, and neither to who migrates", "ALTER MATERIALIZED VIEW sums OWNER TO other", "ALTER MATERIALIZED VIEW sums OWNER TO postgres")
        refused("row security of public.accounts hides rows from the materialized view public.sums", "ALTER TABLE accounts OWNER TO other; ALTER MATERIALIZED VIEW sums OWNER TO other; "
                "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE accounts FORCE ROW LEVEL SECURITY",
                "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY; ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY; ALTER TABLE accounts OWNER TO postgres; ALTER MATERIALIZED VIEW sums OWNER TO postgres")
        refused("public.above has rows, and public.sums, which it reads, has none yet", "CREATE MATERIALIZED VIEW above AS SELECT * FROM sums; REFRESH MATERIALIZED VIEW sums WITH NO DATA",
                "DROP MATERIALIZED VIEW above; REFRESH MATERIALIZED VIEW sums")
        refused("materialized view public.sums depends on the column id, which the statement gives another type", "SELECT 1", "SELECT 1", WIDER)
        refused("policy p on table public.keyless depends on the column total", "CREATE TABLE keyless (a int); CREATE POLICY p ON keyless USING (EXISTS (SELECT FROM accounts WHERE total = a))",
                "DROP TABLE keyless", "-- pgkeep:shadow\nALTER TABLE accounts ALTER COLUMN total TYPE bigint;")
        s.psql("DROP MATERIALIZED VIEW sums")
        s.write("V001__x.sql", WIDER)
        s.migrate("up", "--allow", "change-type")
        assert is_wider(s)


def test_partitions_are_named_the_way():
    """A partition and its parent are refused with what to do, and that can be done."""
    with shop() as s:
        s.psql("CREATE TABLE logs (id int, day date NOT NULL, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); CREATE INDEX logs_note ON logs (note); "
               "CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE logs_new PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01'); "
               "INSERT INTO logs SELECT g, date '2025-06-01' + g % 300, 'n' FROM generate_series(1, 5000) g; ANALYZE")

        def refused(table, *words):
            s.write("V001__x.sql", f"-- pgkeep:shadow\nALTER TABLE {table} SET (fillfactor = 70);")
            result = s.migrate("up", check=False)
            assert result.returncode == 4 and all(word in result.stderr for word in words), result.stderr
            assert not traces(s)

        refused("logs", "public.logs is partitioned", "filled by -- pgkeep:batch", "one partition after the other")
        refused("logs_old", "ALTER TABLE public.logs DETACH PARTITION public.logs_old CONCURRENTLY in a migration before this", "is without its rows meanwhile")
        before = s.psql("SELECT count(*), min(day), max(day) FROM logs")
        # The way: three migrations. DETACH leaves a CHECK of the bounds, which the shadow table takes over and which proves them to ATTACH.
        s.write("V001__x.sql", "ALTER TABLE logs DETACH PARTITION logs_old CONCURRENTLY;")
        s.write("V002__tight.sql", "-- pgkeep:shadow keep=no\nALTER TABLE logs_old SET (fillfactor = 70);")
        s.migrate("up")
        s.write("V003__back.sql", "ALTER TABLE logs ATTACH PARTITION logs_old FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');\nALTER TABLE logs_old DROP CONSTRAINT " + s.value("SELECT conname FROM pg_constraint WHERE conrelid = 'logs_old'::regclass AND contype = 'c'") + ";")
        s.migrate("up")
        assert before == s.psql("SELECT count(*), min(day), max(day) FROM logs") and s.value("SELECT reloptions FROM pg_class WHERE relname = 'logs_old'") == "{fillfactor=70}"
        assert s.psql("SELECT inhparent::regclass, count(*) FROM pg_inherits WHERE inhrelid::regclass::text ~ 'logs_old' GROUP BY 1 ORDER BY min(inhparent::regclass::text)") == [["logs", "1"], ["logs_note", "1"], ["logs_pkey", "1"]]
