"""`pgkeep migrate new --schema`: the migration that leads from a folder's files to a wanted schema, proved on its throwaway server and again on ours."""
import re
import shutil

from migrations import shop
from support import TOP, folder, pgkeep, run

SLOW = ["test_half_of_the_demo_leads_to_the_whole"]

BEFORE = """
CREATE TYPE mood AS ENUM ('new', 'done');
CREATE TABLE users (id serial PRIMARY KEY, name text, fax text, age integer);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id integer CONSTRAINT orders_of REFERENCES users (id),
  state mood NOT NULL DEFAULT 'new', total numeric(10,2), note text, placed date);
CREATE INDEX orders_placed ON orders (placed);
CREATE VIEW totals AS SELECT user_id, sum(total) AS total FROM orders GROUP BY user_id;
CREATE VIEW above AS SELECT * FROM totals WHERE total > 10;
CREATE FUNCTION twice(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a * 2';
CREATE FUNCTION shout(a text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(a)';
CREATE TABLE leftovers (id integer PRIMARY KEY, what text);
COMMENT ON COLUMN orders.note IS 'free text';
"""
AFTER = """
CREATE TYPE mood AS ENUM ('new', 'paid', 'done');
CREATE TABLE users (id serial PRIMARY KEY, full_name text, age bigint NOT NULL DEFAULT 0);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id integer CONSTRAINT orders_of REFERENCES users (id) ON DELETE CASCADE,
  state mood NOT NULL DEFAULT 'paid', total numeric(12,2) CONSTRAINT not_below CHECK (total >= 0), remark text, placed date);
CREATE INDEX orders_user ON orders (user_id);
CREATE VIEW totals AS SELECT user_id, sum(total) AS total FROM orders GROUP BY user_id;
CREATE VIEW above AS SELECT * FROM totals WHERE total > 10;
CREATE FUNCTION twice(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a + a';
CREATE FUNCTION shout(a text) RETURNS varchar LANGUAGE sql IMMUTABLE AS 'SELECT upper(a)::varchar';
CREATE TABLE events (id uuid PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders (id), at timestamptz DEFAULT now());
CREATE INDEX ON events (order_id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON users USING (true);
COMMENT ON COLUMN orders.remark IS 'free text';
COMMENT ON TABLE events IS 'it''s';
GRANT SELECT ON orders TO reader;
"""


# Dropping and renaming is what lint refuses unless somebody says that it is meant.
MEANT = ["--allow", "drop-column,drop-table,rename-column,rename-table,change-column-type,alter-domain-constraint,statement-after-access-exclusive"]


class Declared:
    """A folder of migrations, a file of a schema, and what came of them."""

    def __init__(self, path, before, after=None, repeatable=None):
        self.path = path
        self.dir = path / "migrations"
        self.dir.mkdir(exist_ok=True)
        (self.dir / "V001__before.sql").write_text("-- A test needs it.\n" + before)
        if repeatable:
            (self.dir / "R__views.sql").write_text("-- A test needs it.\n" + repeatable)
        self.schema = path / "schema.sql"
        if after is not None:
            self.schema.write_text(after)

    def new(self, *flags, schema=None, code=0):
        for old in self.dir.glob("V002*"):
            old.unlink()
        result = pgkeep("migrate", "new", "--dir", self.dir, "--schema", schema or self.schema, *flags, "wanted", check=False)
        self.err = result.stderr
        assert result.returncode == code, f"exit {result.returncode}\n{result.stdout}\n{result.stderr}"
        up, down = self.dir / "V002__wanted.sql", self.dir / "V002__wanted.down.sql"
        self.up = up.read_text() if up.exists() else ""
        self.down = down.read_text() if down.exists() else ""
        return self

    def proved(self, *flags, **options):
        self.new(*flags, **options)
        assert "proved: up makes the wanted schema, and down what was there before" in self.err, self.err
        assert "could not be run" not in self.err, self.err
        return self


def equal(server, a, b):
    result = pgkeep("snapshot", "diff", "--ignore", "owners,settings", server.uri(a), server.uri(b), check=False)
    assert result.returncode == 0, result.stdout


def test_what_is_written_runs_up_and_down_on_a_server_with_rows():
    with shop() as s:
        d = Declared(s.path.parent, BEFORE, AFTER).proved()
        assert d.up.startswith("-- Why this is needed"), d.up
        for line in ["CREATE INDEX CONCURRENTLY orders_user ON public.orders", "ALTER TYPE public.mood ADD VALUE 'paid' AFTER 'new'",
                     "RENAME COLUMN note TO remark", "RENAME COLUMN name TO full_name", "ON DELETE CASCADE NOT VALID;", "VALIDATE CONSTRAINT orders_of",
                     "CREATE OR REPLACE FUNCTION public.twice", "DROP FUNCTION public.shout(pg_catalog.text)", "ALTER COLUMN age SET NOT NULL",
                     "-- From integer to bigint: this writes the table anew", "-- From numeric(10,2) to numeric(12,2), which writes no row anew",
                     "-- The column and all that is in it are gone for good.\nALTER TABLE public.users DROP COLUMN fax",
                     "-- The table and all of its rows are gone for good.\nDROP TABLE public.leftovers", "GRANT SELECT ON TABLE public.orders TO reader"]:
            assert line in d.up, f"{line}\n{d.up}"
        assert "COMMENT ON COLUMN" not in d.up, "the comment goes with the renamed column"
        # Readers find the view in every transaction: nothing ends one between its end and its return.
        assert "pgkeep:step" not in d.up[d.up.index("DROP VIEW public.totals"):d.up.index("CREATE VIEW public.above")], d.up
        assert "It loses what was written since then to public.events." in d.down and "-- pgkeep:loses public.events:" in d.down, d.down
        assert "loses: public.users.fax\n" in d.err and "loses: public.leftovers\n" in d.err, d.err

        s.psql("CREATE ROLE reader")
        s.server.create_database("wanted")
        s.server.psql(AFTER, "wanted")
        s.server.create_database("before")
        s.server.psql(BEFORE, "before")
        s.migrate("up", "--to", "001")
        s.psql("INSERT INTO users (name, fax, age) VALUES ('a', '1', 3); INSERT INTO orders (user_id, state, note) VALUES (1, 'done', 'x')")
        s.migrate("up", *MEANT)
        equal(s.server, "wanted", "shop")
        assert s.psql("SELECT full_name, age FROM users") == [["a", "3"]] and s.psql("SELECT remark FROM orders") == [["x"]]
        s.migrate("down", "--to", "001")
        equal(s.server, "before", "shop")
        assert s.psql("SELECT name, age FROM users") == [["a", "3"]] and s.psql("SELECT note, state FROM orders") == [["x", "done"]]


def test_nothing_to_do_writes_no_file():
    with folder() as path:
        d = Declared(path, BEFORE, BEFORE).new()
        assert d.up == "" and d.down == "" and "nothing to do" in d.err, d.err


def test_renames_are_guessed_where_one_thing_fits_and_asked_for_where_two_do():
    before = "CREATE TABLE buyers (id bigint PRIMARY KEY, mail text, born date); CREATE TABLE notes (id bigint PRIMARY KEY, body text, title text);"
    after = "CREATE TABLE customers (id bigint PRIMARY KEY, mail text, born date); CREATE TABLE notes (id bigint PRIMARY KEY, a text, b text);"
    with folder() as path:
        d = Declared(path, before, after).proved()
        assert "-- Read as a rename of public.buyers; if it is not, say --no-renames.\nALTER TABLE public.buyers RENAME TO customers" in d.up, d.up
        assert "RENAME CONSTRAINT buyers_pkey TO customers_pkey" in d.up, d.up
        assert "DROP TABLE" not in d.up, d.up
        assert d.down.rstrip().endswith("ALTER TABLE public.customers RENAME TO buyers;"), d.down
        question = "column public.notes.body is gone and public.notes.a and public.notes.b of the same form are new"
        assert question in d.err and "--rename public.notes.body=public.notes.a or --rename" in d.err, d.err
        assert question in re.sub(r"\n-- ", " ", d.up) and "DROP COLUMN body" in d.up, d.up

        d.proved("--rename", "notes.body=a", "--rename", "notes.title=b")
        assert "RENAME COLUMN body TO a" in d.up and "RENAME COLUMN title TO b" in d.up and "DROP COLUMN" not in d.up, d.up
        assert "if it is not, say --no-renames.\nALTER TABLE public.notes" not in d.up, d.up

        d.proved("--no-renames")
        assert "RENAME" not in d.up and "DROP TABLE public.buyers" in d.up and "CREATE TABLE public.customers" in d.up, d.up

        d.new("--rename", "notes.nothing=a", code=2)
        assert "--rename notes.nothing=a renames nothing" in d.err, d.err
        d.new("--rename", "notes", code=2)
        assert "OLD=NEW" in d.err, d.err


def test_types_sequences_and_identities_change_where_they_are():
    before = """
CREATE TYPE size AS ENUM ('s', 'm', 'xl'); CREATE TYPE place AS (x integer, y integer); CREATE DOMAIN mail AS text CHECK (VALUE <> '');
CREATE TABLE shirts (id serial PRIMARY KEY, size size DEFAULT 's', mail mail, price integer, twice integer GENERATED ALWAYS AS (price * 2) STORED,
  code text DEFAULT '7');
CREATE VIEW shirts_of AS SELECT id, size, twice FROM shirts;
CREATE SEQUENCE numbers INCREMENT 1;
CREATE TABLE plain (id integer NOT NULL, parent integer);
"""
    after = """
CREATE TYPE size AS ENUM ('m', 's'); CREATE TYPE place AS (x bigint, z integer); CREATE DOMAIN mail AS text NOT NULL CONSTRAINT has_at CHECK (VALUE LIKE '%@%');
CREATE TABLE shirts (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, size size DEFAULT 's', mail mail, price bigint,
  twice bigint GENERATED ALWAYS AS (price * 3) STORED, code integer DEFAULT 7);
CREATE VIEW shirts_of AS SELECT id, size, twice FROM shirts;
CREATE SEQUENCE numbers INCREMENT 10 CYCLE;
CREATE TABLE plain (id integer NOT NULL GENERATED ALWAYS AS IDENTITY, parent integer) WITH (fillfactor = 70);
ALTER TABLE plain REPLICA IDENTITY FULL;
ALTER TABLE plain ALTER parent SET STATISTICS 200;
"""
    with shop() as s:
        d = Declared(s.path.parent, before, after).proved()
        assert "USING code::text::integer" in d.up and "USING size::text::public.size" in d.up, d.up
        assert "ALTER SEQUENCE public.numbers AS bigint INCREMENT BY 10" in d.up and "ALTER DOMAIN public.mail ADD CONSTRAINT has_at" in d.up, d.up
        s.migrate("up", "--to", "001")
        s.psql("INSERT INTO shirts (size, mail, price) VALUES ('s', 'a@b', 4), ('m', 'c@d', 5); INSERT INTO plain VALUES (41, 1)")
        s.migrate("up", *MEANT)
        assert s.psql("INSERT INTO shirts (mail) VALUES ('e@f') RETURNING id, code, size") == [["3", "7", "s"]]
        assert s.psql("INSERT INTO plain (parent) VALUES (1) RETURNING id") == [["42"]]
        assert s.psql("SELECT size, twice FROM shirts WHERE price IS NOT NULL ORDER BY id") == [["s", "12"], ["m", "15"]]


def test_partitions_come_and_go():
    before = """
CREATE TABLE log (at date NOT NULL, what text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX log_what ON log (what);
"""
    after = """
CREATE TABLE log (at date NOT NULL, what varchar(20), more integer NOT NULL DEFAULT 1, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE log_3 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE log_1 (at date NOT NULL, what text, CONSTRAINT log_1_pkey PRIMARY KEY (at));
CREATE INDEX log_1_what_idx ON log_1 (what);
CREATE INDEX log_more ON log (more);
"""
    with folder() as path:
        d = Declared(path, before, after).proved("--no-renames")
        assert "DETACH PARTITION public.log_1" in d.up and "ATTACH PARTITION public.log_3" in d.up, d.up


def test_a_new_column_that_must_not_be_null_is_left_to_be_filled():
    with shop() as s:
        d = Declared(s.path.parent, "CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1);",
                     "CREATE TABLE t (id bigint PRIMARY KEY, shop bigint NOT NULL);").proved()
        assert "-- Fill it here where public.t has rows" in d.up and "fill it in the file" in d.err, d.up
        (d.dir / "V002__wanted.sql").write_text(re.sub(r"(?m)^-- Fill it here.*$", "UPDATE t SET shop = 7;", d.up))
        s.migrate("up", *MEANT)
        assert s.psql("SELECT * FROM t") == [["1", "7"]]


def test_hand_made_changes_of_a_live_database_come_into_files():
    with shop() as s:
        d = Declared(s.path.parent, BEFORE)
        s.migrate("up")
        s.psql("CREATE ROLE reader; ALTER TABLE orders RENAME COLUMN note TO remark; CREATE INDEX by_hand ON orders (state); GRANT SELECT ON users TO reader;"
               "CREATE TABLE flyway_schema_history (installed_rank integer PRIMARY KEY); ALTER TABLE users OWNER TO reader")
        d.proved(schema=s.uri)
        assert "RENAME COLUMN note TO remark" in d.up and "CREATE INDEX CONCURRENTLY by_hand ON public.orders" in d.up, d.up
        assert "note: left out: public.flyway_schema_history, the history of another tool" in d.err, d.err
        assert "flyway" not in d.up and "pgkeep." not in d.up and "OWNER" not in d.up, d.up
        assert s.psql("SELECT count(*) FROM pgkeep.schema_migrations") == [["1"]]


def test_what_repeatable_files_make_is_theirs_to_change():
    before = "CREATE TABLE t (id integer PRIMARY KEY, n integer);"
    view = "CREATE OR REPLACE VIEW v AS SELECT n FROM t;\n"
    with folder() as path:
        # In the way of the new type: dropped and made again, also where it is not there yet.
        d = Declared(path, before, "CREATE TABLE t (id integer PRIMARY KEY, n bigint); CREATE VIEW v AS SELECT n FROM t;", view).proved()
        assert "DROP VIEW IF EXISTS public.v" in d.up and "CREATE VIEW public.v" in d.up, d.up
        d = Declared(path, before, "CREATE TABLE t (id integer PRIMARY KEY, n integer); CREATE VIEW v AS SELECT n + 1 AS n FROM t; CREATE TABLE u ();", view)
        d.new(code=1)
        assert "public.v is made by a repeatable file: change it there" in d.err and "changed view public.v: definition" in d.err, d.err
        assert "VIEW" not in d.up and "CREATE TABLE public.u" in d.up, d.up


def test_a_folder_of_files_and_what_is_wrong_with_one():
    with folder() as path:
        d = Declared(path, "CREATE TABLE t (id integer PRIMARY KEY);")
        files = path / "schema"
        files.mkdir()
        (files / "1_t.sql").write_text("CREATE TABLE t (id integer PRIMARY KEY);\n")
        (files / "2_u.sql").write_text("CREATE TABLE u (id integer REFERENCES t (id));\n")
        d.proved(schema=files)
        assert "CREATE TABLE public.u" in d.up, d.up
        (files / "2_u.sql").write_text("-- Two lines.\n\nCREATE TABLE u (id integer,\n  n no_such_type);\n")
        d.new(schema=files, code=4)
        assert '2_u.sql:4:5: type "no_such_type" does not exist' in d.err and d.up == "", d.err
        (files / "2_u.sql").write_text("SELECT 1;\n\nCREATE TABEL u ();\n")
        d.new(schema=files, code=4)
        assert "2_u.sql:3:8: syntax error" in d.err, d.err
        d.new(schema=path / "nothing.sql", code=2)
        assert "no such file or folder, and not a connection string" in d.err, d.err
        assert "--schema alone" in pgkeep("migrate", "new", "--dir", d.dir, "--no-renames", "x", check=False).stderr


def test_what_cannot_be_done_is_said_and_remains():
    with folder() as path:
        d = Declared(path, "CREATE TABLE t (id integer, at date);", "CREATE TABLE t (id integer, at date) PARTITION BY RANGE (at);").new(code=1)
        assert "public.t is one table and would become partitioned by RANGE (at)" in d.err, d.err
        assert "still different after the way up: changed table public.t: partition key RANGE (at) -> (none)" in d.err, d.err
        assert "-- Not done here: public.t is one table" in d.up, d.up


def test_every_kind_of_object_changes_and_comes_back():
    sql = TOP / "tests/e2e/sql"
    with folder() as path:
        for name in ["odd", "keys"]:
            before, after = ((sql / f"schema_{name}_{when}.sql").read_text() for when in ("before", "after"))
            d = Declared(path, before, after).proved()
        # A new name of a table brings those of its key, its index and a sequence.
        for line in ["ALTER TABLE public.old_name RENAME TO new_name", "RENAME CONSTRAINT old_name_pkey TO new_name_pkey",
                     "ALTER INDEX public.old_name_v_idx RENAME TO new_name_v_idx", "ALTER SEQUENCE public.lonely RENAME TO alone"]:
            assert line in d.up, f"{line}\n{d.up}"
        assert "CREATE UNIQUE INDEX CONCURRENTLY dept_code_key" in d.up and "UNIQUE USING INDEX dept_code_key" in d.up, d.up
        # Tables that refer to each other go as well.
        d = Declared(path, "CREATE TABLE a (id integer PRIMARY KEY, b integer); CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a (id));"
                     "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id);", "SELECT 1;").proved()
        assert d.up.count("DROP TABLE") == 2, d.up


def test_half_of_the_demo_leads_to_the_whole():
    with shop() as s:
        demo = TOP / "demo/migrations"
        pgkeep("migrate", "up", "--dir", demo, "--allow", "all", s.uri)
        whole = s.path.parent / "whole.sql"
        whole.write_text(run([s.server.bin / "pg_dump", "--schema-only", s.uri]).stdout)
        for file in demo.glob("V0[01]*"):
            shutil.copy(file, s.path)
        for file in demo.glob("V02[0-5]*"):
            shutil.copy(file, s.path)
        result = pgkeep("migrate", "new", "--dir", s.path, "--schema", whole, "rest")
        up = (s.path / "V026__rest.sql").read_text()
        assert "proved: up makes the wanted schema" in result.stderr and "could not" not in result.stderr, result.stderr
        assert "DETACH PARTITION public.events_2024_q1" in up and "pgkeep." not in up, up
