"""What stands in and beside the files of `pgkeep migrate`: values, includes, psql's commands, COPY's lines, checks, hooks, what requires what, the schema file."""
import json
import os
import subprocess

from migrations import shop
from support import pgkeep

ORDERS = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL, state text NOT NULL DEFAULT 'new');"


def base(s):
    s.write("V001__orders.sql", ORDERS)
    s.write("V001__orders.down.sql", "DROP TABLE orders;")
    s.migrate("up")


def refused(s, code, *words, command=("up",), **options):
    result = s.migrate(*command, check=False, **options)
    text = result.stdout + result.stderr
    assert result.returncode == code, (code, result.returncode, text)
    for word in words:
        assert word in text, (word, text)
    return text


def test_copy_data():
    """Lines as pg_dump writes them, 20,000 of them too; they count in the checksum, and go into a test run and a rehearsal."""
    with shop() as s:
        base(s)
        lines = "".join(f"{i}\tnote {i} \\\\ with a backslash\n" for i in range(20_000))
        s.write("V002__notes.sql", f"CREATE TABLE notes (id bigint PRIMARY KEY, note text);\nCOPY public.notes (id, note) FROM stdin;\n{lines}\\.\n\n"
                                   "CREATE TABLE none_yet (id bigint PRIMARY KEY);\nCOPY none_yet FROM stdin;\n\\.\nINSERT INTO none_yet VALUES (1);")
        s.write("V002__notes.down.sql", "DROP TABLE notes;\nDROP TABLE none_yet;")
        rehearsed = pgkeep("migrate", "test", "--dir", s.path)
        assert "2 migrations go up" in rehearsed.stdout and "COPY public.notes" in rehearsed.stdout, rehearsed.stdout
        s.migrate("up")
        assert s.psql("SELECT count(*), max(note) FROM notes WHERE id <> 7") == [["19999", "note 9999 \\ with a backslash"]]
        assert s.value("SELECT count(*) FROM none_yet") == "1"
        path = s.path / "V002__notes.sql"
        path.write_text(path.read_text().replace("note 7 ", "note seven "))
        refused(s, 1, "the file was changed after it was applied", "+7\\x09note seven")
        path.write_text(path.read_text().replace("note seven ", "note 7 "))
        # A wrong line is named, and nothing of the file is left.
        s.write("V003__wrong.sql", "CREATE TABLE w (id int);\nCOPY w FROM stdin;\n1\nx\n\\.\nSELECT 1;")
        refused(s, 4, "V003__wrong.sql:3:1", 'invalid input syntax for type integer: "x"', command=("up", "--allow", "table-without-primary-key"))
        assert s.value("SELECT to_regclass('w') IS NULL") == "t"
        s.write("V003__wrong.sql", "CREATE TABLE w (id int);\nCOPY w FROM stdin;\n1\n")
        refused(s, 2, "V003__wrong.sql:3:1", "the data of COPY is missing")


def test_a_dump_as_the_first_migration():
    with shop() as s:
        s.psql("CREATE TABLE users (id bigint PRIMARY KEY, name text); ALTER TABLE users ADD CHECK (name <> '')")
        s.psql("INSERT INTO users SELECT g, 'user ' || g FROM generate_series(1, 100) g")
        dump = subprocess.run(["pg_dump", "--no-owner", "-d", s.uri], capture_output=True, text=True, check=True).stdout
        s.psql("DROP TABLE users")
        s.write("V001__as_it_was.sql", dump)
        s.migrate("up")
        assert s.psql("SELECT count(*), max(id) FROM users") == [["100", "100"]]


def test_psql_commands():
    with shop() as s:
        (s.path / "parts").mkdir()
        (s.path / "parts" / "columns.sql").write_text("-- Shared.\nALTER TABLE :\"table\" ADD COLUMN a int;\n\\ir more.sql\n")
        (s.path / "parts" / "more.sql").write_text("ALTER TABLE orders ADD COLUMN b text DEFAULT :'b';\n")
        base(s)
        s.write("V002__psql.sql", "\\set ON_ERROR_STOP on\n\\set table 'orders'\n\\set b 'it''s'\n\\echo adding columns\n\\i parts/columns.sql\nALTER TABLE orders ADD COLUMN c int[] DEFAULT '{1,2}'::int[];")
        s.migrate("up")
        assert s.psql("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position OFFSET 3") == [["a"], ["b"], ["c"]]
        assert "it''s" in s.value("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'orders'::regclass AND adnum = 5")
        # What is included counts, and its mistakes are named where they stand.
        more = s.path / "parts" / "more.sql"
        more.write_text(more.read_text().replace("b text", "b varchar"))
        refused(s, 1, "the file was changed after it was applied", "+ALTER TABLE orders ADD COLUMN b varchar")
        more.write_text(more.read_text().replace("b varchar", "b text"))
        (s.path / "parts" / "wrong.sql").write_text("SELECT 1;\nALTER TABLE orders ADD COLUMN d nummeric;\n")
        s.write("V003__wrong.sql", "\\ir parts/wrong.sql")
        refused(s, 1, "parts/wrong.sql:2:33", "nummeric")
        for text, words in [("\\ir parts/absent.sql", ["V003__wrong.sql:2:1", "parts/absent.sql"]), ("\\i ../../secret.sql", ["is outside of the folder"]),
                            ("\\gexec", ["psql's \\gexec cannot run in a migration", "V003__wrong.sql:2:1"]),
                            ("SELECT 1;\n\\ir V003__wrong.sql", ["include each other 8 deep"])]:
            s.write("V003__wrong.sql", text)
            refused(s, 2, *words)


def test_values():
    with shop() as s:
        base(s)
        s.psql("CREATE SCHEMA tenant")
        s.write("V002__tenant.sql", "CREATE TABLE ${schema}.notes (id bigint PRIMARY KEY, kind text DEFAULT '${kind}');\nCREATE ROLE pgkeep_test_role PASSWORD '${word}';\nCOMMENT ON TABLE ${schema}.notes IS 'of ${word}';")
        s.write("V002__tenant.down.sql", "DROP TABLE ${schema}.notes;\nDROP ROLE pgkeep_test_role;")
        refused(s, 2, "V002__tenant.sql:2:14", "${schema} has no value", "--set schema=VALUE", command=("up", "--set", "shema=tenant"))
        refused(s, 2, "kind takes its value from NO_SUCH, which is not set", command=("up", "--set", "kind=env:NO_SUCH"))
        values = ("--set", "schema=tenant", "--set", "kind=a, b", "--set", "word=env:SECRET_WORD")
        os.environ["SECRET_WORD"] = "geheim-4711"
        try:
            out = s.migrate("up", *values)
            dry = s.migrate("up", "--dry-run", *values)
        finally:
            del os.environ["SECRET_WORD"]
        assert s.value("SELECT column_default FROM information_schema.columns WHERE table_schema = 'tenant' AND column_name = 'kind'") == "'a, b'::text"
        assert s.value("SELECT obj_description('tenant.notes'::regclass)") == "of geheim-4711"
        kept = s.psql("SELECT replace(content, chr(10), ' '), down_content FROM pgkeep.schema_migrations WHERE version = '002'")[0]
        titles = str(s.psql("SELECT title FROM pgkeep.schema_migration_steps"))
        everything = out.stdout + out.stderr + dry.stdout + str(kept) + titles
        assert "geheim" not in everything and "${schema}" in kept[0] and "CREATE TABLE ${schema}.notes" in everything, everything
        # Another value is no other file, and other SQL is.
        again = ("--set", "schema=other", "--set", "kind=x", "--set", "word=y")
        assert "Nothing to do" in s.migrate("up", *again).stderr
        path = s.path / "V002__tenant.sql"
        text = path.read_text()
        path.write_text("-- Another header.\n" + text)
        s.migrate("up", *again)
        path.write_text(text.replace("'of", "'about"))
        refused(s, 1, "the file was changed after it was applied", "+COMMENT ON TABLE ${schema}.notes IS 'about", command=("up", *again))
        path.write_text(text)
        # pgkeep.toml says the same; lint knows the values too.
        toml = s.path.parent / "pgkeep.toml"
        toml.write_text('[migrate]\nset = ["schema=tenant", "kind=x", "word=y"]\n')
        s.migrate("down", "--config", toml)
        assert s.value("SELECT to_regclass('tenant.notes') IS NULL") == "t"
        s.write("V003__index.sql", "CREATE INDEX notes_kind ON ${schema}.notes (kindd);")
        found = pgkeep("lint", s.path, "--config", toml, "--format", "json", check=False)
        assert any(f["line"] == 2 and f["file"].endswith("V003__index.sql") and "kindd" in f["message"] for f in json.loads(found.stdout)["findings"]), found.stdout


def test_checks():
    with shop() as s:
        base(s)
        s.write("V002__note.sql", "ALTER TABLE orders ADD COLUMN note text;")
        s.write("V002__note.down.sql", "ALTER TABLE orders DROP COLUMN note;")
        s.write("V002__note.verify.sql", "BEGIN;\nINSERT INTO orders (total, note) VALUES (1, 'x');\nSELECT 1 / count(*) FROM orders WHERE note = 'y';\nROLLBACK;")
        text = refused(s, 5, "V002__note.verify.sql:", "the check of V002 note says no: division by zero", "1 of 1 steps are done", "pgkeep migrate down")
        assert "V002 note" in text and s.value("SELECT count(*) FROM orders") == "0"
        row = s.status()["history"][-1]
        assert row["state"] == "failed" and row["steps_done"] == 1 and "says no" in row["error"], row
        # Asked again, nothing is done twice; mended, it counts as applied.
        refused(s, 4, "says no")
        s.write("V002__note.verify.sql", "INSERT INTO orders (total, note) VALUES (1, 'x');\nSELECT 1 / count(*) FROM orders WHERE note = 'x';")
        assert "its check says yes" in s.migrate("up").stderr
        assert s.status()["history"][-1]["state"] == "applied" and s.value("SELECT count(*) FROM orders") == "0"
        assert "1 check says yes" in s.migrate("verify").stdout
        s.psql("ALTER TABLE orders RENAME note TO remark")
        found = refused(s, 1, "V002__note.verify.sql:2:28", "its check says no", command=("verify", "--no-drift"))
        assert "drift" not in found
        refused(s, 0, "are applied as their files say", command=("verify", "--no-drift", "--no-checks"))
        s.psql("ALTER TABLE orders RENAME remark TO note")
        s.write("V002__note.verify.sql", "PREPARE TRANSACTION 'left';")
        refused(s, 1, "a check cannot leave a transaction behind", command=("verify", "--no-drift"))
        # A rehearsal asks as well; so does a folder of sqitch.
        s.write("V002__note.verify.sql", "SELECT no_such FROM orders;")
        result = pgkeep("migrate", "test", "--dir", s.path, check=False)
        assert result.returncode == 1 and "its check says no" in result.stdout and "V002__note.verify.sql:2:8" in result.stdout, result.stdout


def test_sqitch_verifies_and_depends():
    with shop() as s:
        for folder in ("deploy", "revert", "verify"):
            (s.path / folder).mkdir()
        (s.path / "sqitch.plan").write_text("%project=shop\n\nusers 2026-01-01T00:00:00Z A <a@b> # why\nnotes [users !legacy] 2026-01-02T00:00:00Z A <a@b> # why\n"
                                            "late [absent] 2026-01-03T00:00:00Z A <a@b> # why\n")
        (s.path / "deploy" / "users.sql").write_text("BEGIN;\nCREATE TABLE users (id bigint PRIMARY KEY);\nCOMMIT;\n")
        (s.path / "verify" / "users.sql").write_text("BEGIN;\nSELECT id FROM users WHERE false;\nROLLBACK;\n")
        (s.path / "deploy" / "notes.sql").write_text("BEGIN;\nCREATE TABLE notes (id bigint PRIMARY KEY);\nCOMMIT;\n")
        (s.path / "deploy" / "late.sql").write_text("SELECT 1;\n")
        refused(s, 1, "V0003 late", "it requires absent, and no file here is called so")
        out = s.migrate("up", "--to", "2")
        assert "its check says yes" in out.stderr, out.stderr


def test_requires():
    with shop() as s:
        base(s)
        s.write("V002__a.sql", "-- pgkeep:requires V004__d\nSELECT 1;")
        s.write("V003__b.sql", "-- pgkeep:requires 001, a\nSELECT 1;")
        s.write("V004__d.sql", "-- pgkeep:conflicts b\nSELECT 1;")
        text = refused(s, 1, "V002__a.sql:2:1: V002 a: it requires V004 d, which is not applied before it",
                       "V004__d.sql:2:1: V004 d: it does not go together with V003 b")
        assert "V003 b" not in text.split("V004 d: ")[0].replace("V002", ""), text
        s.write("V002__a.sql", "SELECT 1;")
        s.write("V004__d.sql", "-- pgkeep:requires R__view\nSELECT 1;")
        s.write("R__view.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;")
        refused(s, 1, "it requires R view, which is not applied before it")
        (s.path / "V004__d.sql").unlink()
        # Repeatable files go in the order that they ask for.
        s.write("R__first.sql", "-- pgkeep:requires view\nSELECT 1;")
        out = s.migrate("up")
        assert out.stderr.index("R view begins") < out.stderr.index("R first begins"), out.stderr
        # Out of order: what an applied one requires does not go down alone.
        s.write("V010__ten.sql", "SELECT 1;")
        s.write("V010__ten.down.sql", "SELECT 1;")
        s.migrate("up")
        s.write("V005__five.sql", "-- pgkeep:requires ten\nSELECT 1;")
        s.write("V005__five.down.sql", "SELECT 1;")
        s.migrate("up", "--out-of-order")
        refused(s, 2, "V010 ten goes down, and V005 five, which stays, requires it", "V005__five.sql:2:1", command=("down",))
        s.migrate("down", "--to", "3")
        assert "pgkeep:require " not in pgkeep("lint", s.path, check=False).stdout


def test_hooks():
    with shop() as s:
        s.psql("CREATE TABLE calls (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, moment text)")
        moments = ["beforeMigrate", "beforeEachMigrate", "afterEachMigrate", "afterMigrate", "afterMigrateApplied", "afterMigrateError",
                   "beforeUndo", "beforeEachUndo", "afterEachUndo", "afterUndo"]
        for moment in moments:
            s.write(f"{moment}.sql", f"INSERT INTO calls (moment) VALUES ('{moment}');")
        s.write("afterMigrate__second.sql", "INSERT INTO calls (moment) VALUES ('second');")

        def calls():
            found = [row[0] for row in s.psql("SELECT moment FROM calls ORDER BY id")]
            s.psql("TRUNCATE calls")
            return found

        s.write("V001__a.sql", "CREATE TABLE a (id bigint PRIMARY KEY);\nINSERT INTO calls (moment) VALUES ('a');")
        s.write("V001__a.down.sql", "DROP TABLE a;")
        s.write("R__v.sql", "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;")
        out = s.migrate("up")
        each = ["beforeEachMigrate", "a", "afterEachMigrate", "beforeEachMigrate", "afterEachMigrate"]
        assert calls() == ["beforeMigrate", *each, "afterMigrate", "second", "afterMigrateApplied"], out.stderr
        assert "afterMigrate: INSERT INTO calls" in out.stderr, out.stderr
        s.migrate("up")
        assert calls() == ["beforeMigrate", "afterMigrate", "second"]
        s.migrate("down")
        assert calls() == ["beforeUndo", "beforeEachUndo", "afterEachUndo", "afterUndo"]
        dry = s.migrate("up", "--dry-run").stdout
        assert dry.index("-- beforeMigrate") < dry.index("-- beforeEachMigrate") < dry.index("CREATE TABLE a") < dry.index("-- afterMigrateApplied"), dry
        assert {h["moment"] for h in json.loads(s.migrate("plan", "--format", "json").stdout)["hooks"]} == set(moments)
        # One that fails: the migration is not counted as applied before its hook is done.
        s.psql("CREATE TABLE big AS SELECT g AS id FROM generate_series(1, 100000) g")
        s.psql("ANALYZE big")
        s.write("afterEachMigrate.sql", "CREATE INDEX big_id ON big (id);")
        refused(s, 1, "afterEachMigrate.s", "create-index-not-concurrent", "Nothing was run")
        assert calls() == []
        s.write("afterEachMigrate.sql", "DO $$ BEGIN RAISE 'not today'; END $$;")
        refused(s, 5, "not today", "afterEachMigrate.sql:2:1", "V001 a: 1 of 1 steps are done")
        assert calls() == ["beforeMigrate", "beforeEachMigrate", "a", "afterMigrateError"]
        s.write("afterEachMigrate.sql", "INSERT INTO calls (moment) VALUES ('afterEachMigrate');")
        s.migrate("up")
        found = calls()
        assert found[:3] == ["beforeMigrate", "beforeEachMigrate", "afterEachMigrate"] and "a" not in found, found
        # What a hook makes is no drift; a rehearsal runs hooks too, and sees the rows that they leave.
        s.psql("DROP TABLE calls, big")
        s.write("beforeMigrate.sql", "CREATE TABLE IF NOT EXISTS calls (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, moment text);")
        s.migrate("up")
        s.migrate("verify")
        result = pgkeep("migrate", "test", "--dir", s.path, check=False)
        assert result.returncode == 1 and "public.calls: 0 rows before, 5 after" in result.stdout, result.stdout + result.stderr
        for name, text, words in [("beforeEachMigrateStatement.sql", "SELECT 1;", ["is no moment of a run", "beforeMigrate, beforeEachMigrate"]),
                                  ("afterUndoError.sql", "-- pgkeep:batch key=id\nUPDATE calls SET moment = '';", [])]:
            s.write(name, text)
            if words:
                refused(s, 2, name, *words)
            (s.path / name).unlink()
        s.write("afterMigrate__batch.sql", "-- pgkeep:batch key=id\nUPDATE calls SET moment = '';")
        text = refused(s, 2, "pgkeep:batch cannot stand in a hook", "afterMigrate__batch.sql:3:1")
        assert "Left:" not in text and "beforeMigrate:" not in text, text
        s.write("afterClean.sql", "DROP TABLE calls;")  # Of a command that is not here: nobody's moment.
        (s.path / "afterMigrate__batch.sql").unlink()
        s.migrate("up")
        assert s.value("SELECT to_regclass('calls') IS NOT NULL") == "t"


def test_schema_file():
    with shop() as s:
        file = s.path.parent / "schema.sql"
        s.write("V001__orders.sql", ORDERS)
        s.write("V001__orders.down.sql", "DROP TABLE orders;")
        out = s.migrate("up", "--schema-file", file)
        text = file.read_text()
        assert "CREATE TABLE public.orders" in text and "pgkeep." not in text and "Dumped" not in text and f"wrote {file}" in out.stderr, text
        again = s.migrate("up", "--schema-file", file)
        assert "wrote" not in again.stderr and file.read_text() == text
        toml = s.path.parent / "pgkeep.toml"
        toml.write_text(f'[migrate]\nschema-file = "{file}"\n')
        s.migrate("down", "--config", toml)
        assert "CREATE TABLE" not in file.read_text()
        failed = s.migrate("up", "--schema-file", s.path.parent / "absent" / "x.sql", check=False)
        assert failed.returncode == 5 and "the migrations are done" in failed.stderr, failed.stderr


def test_new_from_a_schema_knows_all_of_it():
    """Values, COPY's lines and hooks of the folder, and a wanted schema that is a dump with data."""
    with shop() as s:
        s.write("V001__notes.sql", "CREATE TABLE ${table} (id bigint PRIMARY KEY);\nCOPY ${table} FROM stdin;\n1\n\\.\nSELECT 1;")
        s.write("V001__notes.down.sql", "DROP TABLE ${table};")
        s.write("afterMigrate.sql", "CREATE OR REPLACE VIEW notes_view AS SELECT id FROM notes;")
        wanted = s.path.parent / "wanted.sql"
        wanted.write_text("\\restrict x\nCREATE TABLE notes (id bigint PRIMARY KEY, note text);\nCOPY notes FROM stdin;\n1\ta;b\n\\.\nCREATE VIEW notes_view AS SELECT id FROM notes;\n\\unrestrict x\n")
        out = pgkeep("migrate", "new", "note", "--schema", wanted, "--dir", s.path, "--set", "table=notes")
        text = (s.path / "V002__note.sql").read_text()
        assert "ADD COLUMN note text" in text and "VIEW" not in text, text + out.stderr
        s.migrate("up", "--set", "table=notes")
        assert s.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'notes'") == "2"
        wanted.write_text("CREATE TABLE notes (id bigint PRIMARY KEY);\nCOPY notes FROM stdin;\nx\n\\.\n")
        wrong = pgkeep("migrate", "new", "note", "--schema", wanted, "--dir", s.path, "--set", "table=notes", check=False)
        assert wrong.returncode == 4 and "wanted.sql:2:1" in wrong.stderr, wrong.stderr
