"""pgkeep snapshot diff: every kind of change is found and named, and what is the same is the same: made twice, with other oids, elsewhere."""
import hashlib
import json
import pathlib
import re
import tempfile

from support import Server, pgkeep, run

SLOW = ["test_every_change_is_found_15", "test_every_change_is_found_18"]
ROLES = "CREATE ROLE app; CREATE ROLE reader; CREATE ROLE keeper"

BASE = """
CREATE SCHEMA shop; CREATE SCHEMA "Odd Schema";
CREATE EXTENSION pgcrypto SCHEMA "Odd Schema";
CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'glad');
CREATE TYPE shop.pair AS (a int, b text);
CREATE TYPE shop.span AS RANGE (subtype = float8);
CREATE DOMAIN shop.email AS text DEFAULT 'a@b' CONSTRAINT has_at CHECK (VALUE LIKE '%@%');
CREATE COLLATION shop.plain (provider = libc, locale = 'C');
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'touched'; RETURN NEW; END $$;
CREATE FUNCTION shop.twice(n int, by int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * by';
CREATE FUNCTION shop.noted() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE PROCEDURE shop.work() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE shop.total (int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE OPERATOR shop.@+@ (leftarg = int, rightarg = int, function = shop.twice);
CREATE TABLE shop.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email shop.email NOT NULL UNIQUE, mood shop.mood DEFAULT 'ok',
  "Full Name" text, note text, born date, size int DEFAULT 3, big text, key int GENERATED ALWAYS AS (size * 2) STORED);
CREATE TABLE shop.orders (id serial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES shop.customers, state text NOT NULL DEFAULT 'new',
  total numeric(12,2) CONSTRAINT total_positive CHECK (total > 0), placed timestamptz DEFAULT now(), during tstzrange,
  CONSTRAINT state_known CHECK (state IN ('new', 'paid')));
CREATE INDEX orders_customer ON shop.orders (customer_id);
CREATE INDEX orders_new ON shop.orders (placed) WHERE state = 'new';
CREATE INDEX orders_lower ON shop.orders (lower(state));
CREATE TABLE shop.events (id bigint, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.event_notes (id bigint, at date, FOREIGN KEY (id, at) REFERENCES shop.events);
CREATE TABLE shop.base (x int); CREATE TABLE shop.child (y int) INHERITS (shop.base);
CREATE TABLE "Odd Schema"."Order" ("User" int PRIMARY KEY, "from" text);
CREATE VIEW shop.paid AS SELECT id, total FROM shop.orders WHERE state = 'paid';
CREATE VIEW shop.joined AS SELECT o.id, c.email FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id;
CREATE MATERIALIZED VIEW shop.sums AS SELECT customer_id, sum(total) AS total FROM shop.orders GROUP BY 1;
CREATE UNIQUE INDEX sums_key ON shop.sums (customer_id);
CREATE FUNCTION shop.counted() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM shop.orders WHERE state = 'paid'; END;
CREATE RULE keep AS ON DELETE TO shop.base DO INSTEAD NOTHING;
CREATE TRIGGER touch BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER touch_some BEFORE UPDATE ON shop.customers FOR EACH ROW WHEN (OLD.note = 'x') EXECUTE FUNCTION shop.touch();
CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION shop.noted();
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.orders FOR SELECT TO app USING (state = 'new');
CREATE SEQUENCE shop.tickets;
CREATE STATISTICS shop.orders_stat (dependencies) ON customer_id, state FROM shop.orders;
CREATE PUBLICATION feed FOR TABLE shop.customers;
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER away FOREIGN DATA WRAPPER far OPTIONS (host 'a', password 'first');
CREATE FOREIGN TABLE shop.distant (a int OPTIONS (column_name 'b')) SERVER away OPTIONS (table_name 't');
CREATE USER MAPPING FOR app SERVER away OPTIONS (user 'x', password 'first');
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple);
GRANT SELECT, INSERT ON shop.orders TO app; GRANT ALL ON shop.customers TO keeper; GRANT USAGE ON SCHEMA shop TO app, reader;
GRANT SELECT (note) ON shop.customers TO reader; REVOKE EXECUTE ON FUNCTION shop.twice FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO reader;
COMMENT ON TABLE shop.orders IS 'what was bought'; COMMENT ON COLUMN "Odd Schema"."Order"."User" IS 'who';
COMMENT ON FUNCTION shop.twice IS 'doubles'; COMMENT ON CONSTRAINT total_positive ON shop.orders IS 'never nothing';
"""

# The change, and the differences that it makes: "change kind object" and the property, all of them.
CHANGES = [
    ("CREATE SCHEMA extra", {"added schema extra"}),
    ("CREATE TABLE shop.extra (id serial PRIMARY KEY, n int CHECK (n > 0)); CREATE INDEX ON shop.extra (n)", {"added table shop.extra"}),
    ("DROP TABLE shop.child", {"removed table shop.child"}),
    ("ALTER TABLE shop.child RENAME TO kid", {"removed table shop.child", "added table shop.kid"}),
    ("ALTER TABLE shop.child RENAME y TO z", {"removed column shop.child.y", "added column shop.child.z"}),
    ("ALTER TABLE shop.customers ADD phone text", {"added column shop.customers.phone"}),
    ("ALTER TABLE shop.customers ADD n serial", {"added column shop.customers.n"}),
    ("ALTER TABLE shop.customers DROP born", {"removed column shop.customers.born"}),
    ('ALTER TABLE "Odd Schema"."Order" ALTER "from" TYPE varchar(9)', {'changed column "Odd Schema"."Order"."from" type'}),
    ("ALTER TABLE shop.child ALTER y TYPE bigint", {"changed column shop.child.y type"}),
    ("ALTER TABLE shop.orders ALTER total DROP DEFAULT, ALTER placed DROP DEFAULT", {"changed column shop.orders.placed default"}),
    ("ALTER TABLE shop.orders ALTER state SET DEFAULT 'old'", {"changed column shop.orders.state default"}),
    ("ALTER TABLE shop.orders ALTER customer_id DROP NOT NULL", {"changed column shop.orders.customer_id not null"}),
    ("ALTER TABLE shop.customers ALTER id SET GENERATED BY DEFAULT", {"changed column shop.customers.id identity"}),
    ("ALTER TABLE shop.customers ALTER key DROP EXPRESSION", {"changed column shop.customers.key generated", "changed column shop.customers.key generated as"}),
    ('ALTER TABLE shop.customers ALTER big TYPE text COLLATE "C"', {"changed column shop.customers.big collation"}),
    ("ALTER TABLE shop.customers ALTER big SET STORAGE external", {"changed column shop.customers.big storage"}),
    ("ALTER TABLE shop.customers ALTER big SET COMPRESSION pglz", {"changed column shop.customers.big compression"}),
    ("ALTER TABLE shop.customers ALTER big SET STATISTICS 500", {"changed column shop.customers.big statistics target"}),
    ("ALTER TABLE shop.customers ALTER big SET (n_distinct = 5)", {"changed column shop.customers.big options"}),
    ("ALTER TABLE shop.orders SET (fillfactor = 70)", {"changed table shop.orders options"}),
    ("ALTER TABLE shop.child SET UNLOGGED", {"changed table shop.child unlogged"}),
    ("ALTER TABLE shop.child REPLICA IDENTITY FULL", {"changed table shop.child replica identity"}),
    ("ALTER TABLE shop.child NO INHERIT shop.base", {"changed table shop.child inherits"}),
    ("ALTER TABLE shop.customers CLUSTER ON customers_pkey", {"changed index shop.customers_pkey clustered"}),
    ("ALTER TABLE shop.events DETACH PARTITION shop.events_2025; "
     "ALTER TABLE shop.events ATTACH PARTITION shop.events_2025 FOR VALUES FROM ('2025-01-01') TO ('2025-07-01')",
     {"changed table shop.events_2025 partition bound"}),
    ("CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')", {"added table shop.events_2026"}),
    ("ALTER TABLE shop.orders DROP CONSTRAINT state_known, ADD CONSTRAINT state_known CHECK (state IN ('new', 'gone'))",
     {"changed constraint state_known on shop.orders definition"}),
    ("ALTER TABLE shop.orders DROP CONSTRAINT state_known", {"removed constraint state_known on shop.orders"}),
    ("ALTER TABLE shop.orders RENAME CONSTRAINT total_positive TO positive",
     {"removed constraint total_positive on shop.orders", "added constraint positive on shop.orders"}),
    ("ALTER TABLE shop.customers ADD CONSTRAINT small CHECK (size < 9) NOT VALID", {"added constraint small on shop.customers"}),
    ("ALTER TABLE shop.orders ALTER CONSTRAINT orders_customer_id_fkey DEFERRABLE",
     {"changed constraint orders_customer_id_fkey on shop.orders definition"}),
    ("ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey, ADD FOREIGN KEY (customer_id) REFERENCES shop.customers ON DELETE CASCADE",
     {"changed constraint orders_customer_id_fkey on shop.orders definition"}),
    ("ALTER TABLE shop.customers DROP CONSTRAINT customers_email_key", {"removed constraint customers_email_key on shop.customers"}),
    ("ALTER TABLE shop.orders ADD EXCLUDE USING gist (during WITH &&)", {"added constraint orders_during_excl on shop.orders"}),
    ("DROP INDEX shop.orders_customer", {"removed index shop.orders_customer"}),
    ("CREATE INDEX extra ON shop.orders (total DESC)", {"added index shop.extra"}),
    ("DROP INDEX shop.orders_new; CREATE INDEX orders_new ON shop.orders (placed) WHERE state = 'old'", {"changed index shop.orders_new definition"}),
    ("DROP INDEX shop.orders_customer; CREATE UNIQUE INDEX orders_customer ON shop.orders (customer_id)", {"changed index shop.orders_customer definition"}),
    ("ALTER INDEX shop.orders_customer SET (fillfactor = 60)", {"changed index shop.orders_customer definition"}),
    ("CREATE OR REPLACE VIEW shop.paid AS SELECT id, total FROM shop.orders WHERE state = 'gone'", {"changed view shop.paid definition"}),
    ("CREATE OR REPLACE VIEW shop.joined AS SELECT c.id::int AS id, c.email FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id",
     {"changed view shop.joined definition"}),
    ("ALTER VIEW shop.paid SET (security_barrier)", {"changed view shop.paid options"}),
    ("DROP VIEW shop.paid", {"removed view shop.paid"}),
    ("DROP MATERIALIZED VIEW shop.sums; CREATE MATERIALIZED VIEW shop.sums AS SELECT customer_id, max(total) AS total FROM shop.orders GROUP BY 1; "
     "CREATE UNIQUE INDEX sums_key ON shop.sums (customer_id)",
     # The default privileges of the schema came later than the view.
     {"changed materialized view shop.sums definition", "changed materialized view shop.sums grants"}),
    ("CREATE OR REPLACE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$", {"changed function shop.touch() body"}),
    ("CREATE OR REPLACE FUNCTION shop.counted() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM shop.orders; END",
     {"changed function shop.counted() definition"}),
    ("CREATE OR REPLACE FUNCTION shop.twice(n int, by int DEFAULT 3) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * by'",
     {"changed function shop.twice(n integer, by integer) defaults"}),
    ("ALTER FUNCTION shop.twice STABLE", {"changed function shop.twice(n integer, by integer) volatility"}),
    ("ALTER FUNCTION shop.twice STRICT PARALLEL SAFE", {"changed function shop.twice(n integer, by integer) options"}),
    ("ALTER FUNCTION shop.twice SECURITY DEFINER", {"changed function shop.twice(n integer, by integer) security definer"}),
    ("ALTER FUNCTION shop.twice SET search_path = shop", {"changed function shop.twice(n integer, by integer) settings"}),
    ("CREATE FUNCTION shop.twice(n text) RETURNS text LANGUAGE sql AS 'SELECT n'", {"added function shop.twice(n text)"}),
    ("CREATE OR REPLACE PROCEDURE shop.work() LANGUAGE plpgsql AS $$ BEGIN END $$", {"changed function shop.work() body"}),
    ("CREATE OR REPLACE AGGREGATE shop.total (int) (sfunc = int4pl, stype = int, initcond = '1')", {"changed function shop.total(integer) definition"}),
    ("DROP TRIGGER touch ON shop.customers", {"removed trigger touch on shop.customers"}),
    ("ALTER TABLE shop.customers DISABLE TRIGGER touch", {"changed trigger touch on shop.customers fires"}),
    ("CREATE OR REPLACE TRIGGER touch BEFORE INSERT OR UPDATE OF note ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch()",
     {"changed trigger touch on shop.customers definition"}),
    ("CREATE OR REPLACE TRIGGER touch_some BEFORE UPDATE ON shop.customers FOR EACH ROW WHEN (OLD.note = 'y') EXECUTE FUNCTION shop.touch()",
     {"changed trigger touch_some on shop.customers definition"}),
    ("ALTER EVENT TRIGGER noted DISABLE", {"changed event trigger noted enabled"}),
    ("DROP EVENT TRIGGER noted", {"removed event trigger noted"}),
    ("CREATE OR REPLACE RULE keep AS ON DELETE TO shop.base DO INSTEAD SELECT 1", {"changed rule keep on shop.base definition"}),
    ("ALTER TABLE shop.base DISABLE RULE keep", {"changed rule keep on shop.base enabled"}),
    ("ALTER POLICY own ON shop.orders USING (state = 'paid')", {"changed policy own on shop.orders using"}),
    ("ALTER POLICY own ON shop.orders TO reader", {"changed policy own on shop.orders roles"}),
    ("DROP POLICY own ON shop.orders", {"removed policy own on shop.orders"}),
    ("ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY", {"changed table shop.orders row security forced"}),
    ("ALTER SEQUENCE shop.tickets INCREMENT 5", {"changed sequence shop.tickets increment"}),
    ("ALTER SEQUENCE shop.tickets CACHE 20", {"changed sequence shop.tickets cache"}),
    ("ALTER SEQUENCE shop.tickets OWNED BY shop.child.y", {"changed sequence shop.tickets owned by"}),
    ("DROP SEQUENCE shop.tickets", {"removed sequence shop.tickets"}),
    ("ALTER TYPE shop.mood ADD VALUE 'wild' AFTER 'ok'", {"changed type shop.mood labels"}),
    ("ALTER TYPE shop.pair ADD ATTRIBUTE c int", {"changed type shop.pair attributes"}),
    ("ALTER DOMAIN shop.email SET NOT NULL", {"changed type shop.email not null"}),
    ("ALTER DOMAIN shop.email SET DEFAULT 'c@d'", {"changed type shop.email default"}),
    ("ALTER DOMAIN shop.email DROP CONSTRAINT has_at", {"changed type shop.email constraint has_at"}),
    ("DROP TYPE shop.span", {"removed type shop.span"}),
    ("DROP COLLATION shop.plain; CREATE COLLATION shop.plain (provider = libc, locale = 'C.UTF-8')", {"changed collation shop.plain definition"}),
    ("DROP STATISTICS shop.orders_stat", {"removed statistics object shop.orders_stat"}),
    ("ALTER STATISTICS shop.orders_stat SET STATISTICS 300", {"changed statistics object shop.orders_stat statistics target"}),
    ("ALTER PUBLICATION feed ADD TABLE shop.orders", {"changed publication feed table shop.orders"}),
    ("ALTER PUBLICATION feed SET (publish = 'insert')", {"changed publication feed definition"}),
    ("ALTER PUBLICATION feed SET TABLE shop.customers WHERE (id > 5)", {"changed publication feed table shop.customers"}),
    ("ALTER PUBLICATION feed ADD TABLES IN SCHEMA shop", {"changed publication feed schema shop"}),
    ("ALTER SERVER away OPTIONS (SET host 'b')", {"changed server away options"}),
    ("ALTER FOREIGN TABLE shop.distant OPTIONS (SET table_name 'u')", {"changed foreign table shop.distant foreign options"}),
    ("ALTER FOREIGN TABLE shop.distant ALTER a OPTIONS (SET column_name 'c')", {"changed column shop.distant.a foreign options"}),
    ("ALTER USER MAPPING FOR app SERVER away OPTIONS (SET user 'y')", {"changed user mapping app on server away options"}),
    ("DROP USER MAPPING FOR app SERVER away", {"removed user mapping app on server away"}),
    ("DROP TEXT SEARCH CONFIGURATION shop.words", {"removed text search configuration shop.words"}),
    ("DROP OPERATOR shop.@+@ (int, int)", {"removed operator shop.@+@(integer,integer)"}),
    ("DROP EXTENSION pgcrypto", {"removed extension pgcrypto"}),
    ('ALTER EXTENSION pgcrypto SET SCHEMA shop', {"changed extension pgcrypto schema"}),
    ("GRANT UPDATE ON shop.orders TO app", {"changed table shop.orders grants"}),
    ("GRANT SELECT ON shop.orders TO app WITH GRANT OPTION", {"changed table shop.orders grants"}),
    ("GRANT SELECT (state) ON shop.orders TO reader", {"changed column shop.orders.state grants"}),
    ("REVOKE DELETE ON shop.orders FROM postgres", {"changed table shop.orders grants"}),
    ("REVOKE EXECUTE ON FUNCTION shop.touch() FROM PUBLIC", {"changed function shop.touch() grants"}),
    ("REVOKE USAGE ON TYPE shop.mood FROM PUBLIC", {"changed type shop.mood grants"}),
    ("GRANT CREATE ON SCHEMA shop TO reader", {"changed schema shop grants"}),
    ("GRANT USAGE ON SEQUENCE shop.tickets TO app", {"changed sequence shop.tickets grants"}),
    ("ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT INSERT ON TABLES TO reader", {"changed default privileges r of postgres to reader in shop grants"}),
    ("ALTER TABLE shop.child OWNER TO keeper", {"changed table shop.child owner"}),
    ("ALTER TYPE shop.mood OWNER TO keeper", {"changed type shop.mood owner"}),
    ("ALTER FUNCTION shop.touch OWNER TO keeper", {"changed function shop.touch() owner"}),
    ("ALTER SCHEMA \"Odd Schema\" OWNER TO keeper", {'changed schema "Odd Schema" owner'}),
    ("COMMENT ON TABLE shop.orders IS 'else'", {"changed table shop.orders comment"}),
    ('COMMENT ON COLUMN "Odd Schema"."Order"."User" IS NULL', {'changed column "Odd Schema"."Order"."User" comment'}),
    ("COMMENT ON FUNCTION shop.twice IS 'x'", {"changed function shop.twice(n integer, by integer) comment"}),
    ("COMMENT ON CONSTRAINT total_positive ON shop.orders IS 'x'", {"changed constraint total_positive on shop.orders comment"}),
    ("COMMENT ON TRIGGER touch ON shop.customers IS 'x'", {"changed trigger touch on shop.customers comment"}),
    ("COMMENT ON POLICY own ON shop.orders IS 'x'", {"changed policy own on shop.orders comment"}),
    ("COMMENT ON TYPE shop.mood IS 'x'", {"changed type shop.mood comment"}),
    ("ALTER DATABASE {db} SET statement_timeout = '5s'", {"added setting statement_timeout"}),
    ("ALTER ROLE app IN DATABASE {db} SET work_mem = '5MB'", {"added setting work_mem of app"}),
    # These are no difference.
    ("INSERT INTO shop.customers (email) VALUES ('x@y'); ANALYZE; SELECT nextval('shop.tickets')", set()),
    ("ALTER TABLE shop.child ADD z int; ALTER TABLE shop.child DROP z", set()),
    ("CREATE SCHEMA pgkeep; CREATE TABLE pgkeep.history (id int PRIMARY KEY); COMMENT ON TABLE pgkeep.history IS 'x'", set()),
    ("ALTER SERVER away OPTIONS (SET password 'second')", set()),
]
DETACHED = {"changed table shop.events_2025 partition of", "changed table shop.events_2025 partition bound"}
ONLY_15 = [("ALTER TABLE shop.events DETACH PARTITION shop.events_2025", DETACHED)]
ONLY_18 = [
    # They keep the names that they had from the parent.
    ("ALTER TABLE shop.events DETACH PARTITION shop.events_2025",
     DETACHED | {f"changed column shop.events_2025.{name} not-null constraint" for name in ("at", "id")}),
    ("ALTER TABLE shop.orders ADD CONSTRAINT must NOT NULL placed", {"changed column shop.orders.placed not null", "changed column shop.orders.placed not-null constraint"}),
    ("ALTER TABLE shop.orders ADD CONSTRAINT orders_placed_not_null NOT NULL placed", {"changed column shop.orders.placed not null"}),
    ("ALTER TABLE shop.orders RENAME CONSTRAINT orders_customer_id_not_null TO must", {"changed column shop.orders.customer_id not-null constraint"}),
    ("ALTER TABLE shop.orders ADD CONSTRAINT e CHECK (total < 9) NOT ENFORCED", {"added constraint e on shop.orders"}),
    ("ALTER TABLE shop.child ADD v int GENERATED ALWAYS AS (y + 1) VIRTUAL", {"added column shop.child.v"}),
    ("GRANT MAINTAIN ON shop.orders TO app", {"changed table shop.orders grants"}),
]


def words_of(difference):
    return " ".join([difference["change"], difference["kind"], difference["object"], difference.get("property", "")]).strip()


def diff(before, after, *words):
    """The words of all differences, and the report."""
    result = pgkeep("snapshot", "diff", str(before), str(after), "--format", "json", *words, check=False)
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    assert (result.returncode == 0) == (not report["differences"]), result.stdout
    return {words_of(each) for each in report["differences"]}, report


def database(server, name):
    server.create_database(name)
    server.psql(BASE, name)
    return server.uri(name)


def saved(server, name, folder):
    path = pathlib.Path(folder) / f"{name}.json"
    pgkeep("snapshot", "save", "-o", str(path), server.uri(name))
    return path


def objects_of(expected):
    """What the differences are about: without the change and the property."""
    return {word.split(" ", 1)[1] for word in expected}


def in_batches(changes):
    """Changes that do not meet go into one database, for making one takes longer than reading it: lists of SQL and what all of it makes."""
    batches = []
    for sql, expected in changes:
        names = {name for word in expected for name in re.findall(r"[\w\"]+\.[\w\".]+|\w+ on ", word)} or objects_of(expected)
        is_alone = not expected or re.search("DROP|RENAME|DETACH|SCHEMA|FOREIGN|EXTENSION", sql)
        place = next((one for one in batches if not is_alone and one["open"] and not names & one["names"]), None)
        if place is None:
            place = {"open": not is_alone, "names": set(), "sql": [], "expected": set()}
            batches.append(place)
        place["names"] |= names
        place["sql"].append(sql)
        place["expected"] |= expected
    return batches


def check_changes(major, changes):
    with Server(major) as server, tempfile.TemporaryDirectory() as folder:
        server.psql(ROLES)
        database(server, "base")
        before = saved(server, "base", folder)
        wrong = []
        for number, batch in enumerate(in_batches(changes)):
            name = f"changed_{number}"
            uri = server.uri(name)
            run(["psql", "-X", "-q", "-d", server.uri(), "-c", f"DROP DATABASE IF EXISTS changed_{number - 1}",
                 "-c", f"CREATE DATABASE {name} TEMPLATE base STRATEGY file_copy"])
            # Each one alone: a new label of an enum may not be used where it was made.
            words = [word for sql in batch["sql"] for word in ("-c", sql.replace("{db}", name))]
            run(["psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", uri, *words])
            found, report = diff(before, uri)
            if report["unknown"] or found != batch["expected"]:
                wrong.append(f"{batch['sql']}\n  missing {sorted(batch['expected'] - found)}\n  extra   {sorted(found - batch['expected'])} {report['unknown']}")
            elif number % 5 == 0:
                # The other way round the same things differ.
                back, _ = diff(uri, before)
                if objects_of(back) != objects_of(found):
                    wrong.append(f"{batch['sql']}: back {sorted(back)}")
        assert not wrong, "\n".join(wrong)


def test_every_change_is_found_15():
    check_changes(15, CHANGES + ONLY_15)


def test_every_change_is_found_18():
    check_changes(18, CHANGES + ONLY_18)


def test_the_same_is_the_same():
    for major in (15, 18):
        with Server(major) as server, tempfile.TemporaryDirectory() as folder:
            server.psql(ROLES)
            first = database(server, "first")
            assert diff(first, first)[0] == set()
            file = saved(server, "first", folder)
            assert diff(file, first)[0] == set() and diff(file, file)[1]["unknown"] == []
            # Other oids, another order of columns, text as the report.
            server.psql("CREATE TABLE gone (x int); DROP TABLE gone")
            second = database(server, "second")
            assert diff(first, second)[0] == set()
            server.psql("ALTER TABLE shop.child ADD q int, ADD r int", "first")
            server.psql("ALTER TABLE shop.child ADD r int, ADD q int", "second")
            assert diff(first, second)[0] == set()
            server.psql("ALTER TABLE shop.child OWNER TO keeper; COMMENT ON TABLE shop.child IS 'x'; GRANT SELECT ON shop.base TO app; "
                        "ALTER DATABASE second SET statement_timeout = '5s'", "second")
            assert len(diff(first, second)[0]) == 4
            assert diff(first, second, "--ignore", "owners,grants", "--ignore", "comments,settings")[0] == set()
            result = pgkeep("snapshot", "diff", first, second, "--ignore", "owners,grants,comments", check=False)
            assert result.returncode == 1 and result.stdout == "added setting statement_timeout\n", result


def test_versions_are_no_difference():
    with Server(15) as old:
        old.psql(ROLES)
        database(old, "shop")
        for other in (14, 16, 17, 18):
            with Server(other) as new:
                new.psql(ROLES)
                database(new, "shop")
                found, report = diff(old.uri("shop"), new.uri("shop"))
                # Until 14 everybody may create in the schema public.
                expected = {"changed schema public grants", "changed schema public owner"} if other == 14 else set()
                assert found == expected and not report["unknown"], (other, report)
                new.psql("CREATE OR REPLACE VIEW shop.paid AS SELECT id, total FROM shop.orders WHERE state = 'gone'; "
                         "ALTER TABLE shop.customers ADD extra int", "shop")
                assert diff(old.uri("shop"), new.uri("shop"))[0] == expected | {"changed view shop.paid definition", "added column shop.customers.extra"}


def test_what_is_not_known_is_no_difference():
    """A file of an older pgkeep has no definitions, no grants and no comments."""
    with Server(15) as server, tempfile.TemporaryDirectory() as folder:
        server.psql(ROLES)
        uri = database(server, "shop")
        file = saved(server, "shop", folder)
        text = json.loads(file.read_text())
        newer = {"definitions", "details", "comments", "grants"}
        snapshot = {key: value for key, value in text["snapshot"].items() if key != "definitions"}
        snapshot["present"] = [one for one in snapshot["present"] if one not in newer]
        for column in snapshot["columns"]:
            del column["default_digest"]
        for policy in snapshot["policies"]:
            del policy["using_digest"], policy["check_digest"]
        body = json.dumps(snapshot, separators=(",", ":"), ensure_ascii=False)
        file.write_text('{"pgkeep":"snapshot/1","sha256":"%s","snapshot":%s}' % (hashlib.sha256(body.encode()).hexdigest(), body))
        found, report = diff(file, uri)
        assert found == set(), found
        assert {one.split(": ")[1] for one in report["unknown"]} == newer, report["unknown"]
        server.psql("ALTER TABLE shop.child ADD z int; COMMENT ON TABLE shop.child IS 'x'", "shop")
        assert diff(file, uri)[0] == {"added column shop.child.z"}


def test_no_secret_is_in_a_snapshot():
    with Server(15) as server, tempfile.TemporaryDirectory() as folder:
        server.psql(ROLES)
        database(server, "shop")
        server.psql("ALTER SERVER away OPTIONS (SET password 'Gehe1mnis'); COMMENT ON TABLE shop.child IS 'Gehe1mnis'; "
                    "ALTER FUNCTION shop.touch() SET shop.key = 'Gehe1mnis'; ALTER TABLE shop.child ALTER y SET DEFAULT length('Gehe1mnis'); "
                    "CREATE OR REPLACE VIEW shop.paid AS SELECT id, total FROM shop.orders WHERE state = 'Gehe1mnis'", "shop")
        assert "Gehe1mnis" not in saved(server, "shop", folder).read_text()


def test_words_that_are_neither():
    result = pgkeep("snapshot", "diff", "missing.json", "postgresql:///x", check=False)
    assert result.returncode == 2 and "no such file" in result.stderr, result
    result = pgkeep("snapshot", "diff", "a=b", "c=d", "--ignore", "owner", check=False)
    assert result.returncode == 2 and "owners" in result.stderr, result
