"""pgkeep pool: COPY FROM STDIN by the extended protocol, and other messages whose answers have to be counted: who gets the server, and when."""
from pool_setup import Setup, rows_in
from pooler import KINDS, Client, Console, Pooler, errors_in
from support import Server, folder, wait_for
from test_pool_prepared import EXECUTE, SYNC, bind, parse, said
from test_pool_queries import address

DATA, DONE, FLUSH = Client.message(b"d", b"1\n"), Client.message(b"c"), Client.message(b"H")
TABLES = """CREATE TABLE fails (i int); CREATE TABLE t (i int);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RAISE EXCEPTION 'not today'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON fails FOR EACH STATEMENT EXECUTE FUNCTION refuse()"""


def copy_to(table):
    return parse("", f"COPY {table} FROM STDIN") + bind("") + EXECUTE


def query(sql):
    return Client.message(b"Q", sql.encode() + b"\0")


def kinds(messages):
    return "".join(kind.decode() for kind, _ in messages)


def test_a_copy_that_fails_gives_its_server_away_once():
    """If the server fails before it reads data, it answers the Sync behind Execute, which it passes over else, and that behind the data. 1.18 gives it away after the
    first one: the next client has an answer too many, and its rows go to a third."""
    for most in (200, 0):
        with Setup({"default_pool_size": 1, "max_prepared_statements": most}, loops=1) as setup, setup.client() as one, setup.client() as other, \
                setup.client() as third, Client(setup.server, "postgres") as holder, Console(setup.pooler) as console:
            setup.server.psql(TABLES)
            for _ in range(3):
                holder.query("SELECT pg_advisory_lock(1)")
                one.send(copy_to("fails"), SYNC)
                assert kinds(one.until(b"GE")) == "12G"
                one.send(DATA, DONE, SYNC)
                other.send(query("SELECT 'of the other'"))
                third.send(query("SELECT 'of the third'"))
                wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == "2", "they wait")
                holder.query("SELECT pg_advisory_unlock(1)")
                failed = one.until(b"Z")
                assert errors_in(failed) == ["not today"] and kinds(failed) == "EZ" and one.until(b"Z") == [(b"Z", b"I")]
                assert rows_in(other.until(b"Z")) == ["of the other"] and rows_in(third.until(b"Z")) == ["of the third"]
            # The data come when all is over.
            one.send(copy_to("fails"), SYNC)
            assert kinds(one.until(b"Z")) == "12GEZ"
            one.send(DATA, DONE, SYNC)
            assert one.until(b"Z") == [(b"Z", b"I")] and other.values("SELECT 'next'") == ["next"]
            # One that fails midway has one answer; whoever is in a transaction keeps the server until its end, and no longer.
            for before, after, status in ((None, None, b"I"), ("BEGIN", "ROLLBACK", b"E")):
                if before:
                    one.query(before)
                one.send(copy_to("t"), SYNC)
                assert kinds(one.until(b"GE")) == "12G"
                one.send(Client.message(b"d", b"no number\n"), DONE, SYNC)
                failed = one.until(b"Z")
                assert kinds(failed) == "EZ" and failed[-1] == (b"Z", status)
                if after:
                    assert one.query(after)[-1] == (b"Z", b"I")
                assert other.values("SELECT 'served'") == ["served"]
            assert one.values("SELECT 'still here'") == ["still here"]


def test_names_behind_a_copy_that_fails():
    """What is prepared in the same block stays its client's own."""
    for table, first in (("t", [Client.message(b"d", b"no number\n"), DONE]), ("v", [])):
        with Setup({"default_pool_size": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
            setup.server.psql("CREATE TABLE t (i int); CREATE VIEW v AS SELECT 1 AS i")
            one.query("BEGIN")
            one.query("SAVEPOINT s")
            one.send(copy_to(table), *first, SYNC)
            assert len(errors_in(one.until(b"Z"))) == 1
            one.query("ROLLBACK TO s")
            assert said(one, parse("mine", "SELECT 'mine'"), bind("mine"), EXECUTE) == ("12DCZ", ["mine"])
            one.query("COMMIT")
            assert said(other, bind("mine"), EXECUTE) == ("EZ", ['prepared statement "mine" does not exist'])
            assert said(other, parse("mine", "SELECT 'of the other'"), bind("mine"), EXECUTE) == ("12DCZ", ["of the other"])
            assert said(one, bind("mine"), EXECUTE) == ("2DCZ", ["mine"])


def test_who_has_nothing_under_way_keeps_no_server():
    with Server(15) as server, folder() as home:
        server.psql("CREATE TABLE t (i int)")
        for kind in KINDS:
            for messages, wanted in (([FLUSH, query("SELECT 1")], "TDCZ"), ([copy_to("t"), DATA, DONE, SYNC], "12GCZ"),
                                 ([copy_to("t"), DATA, DONE, FLUSH, SYNC], "12GCZ"), ([parse("", "SELECT 1"), bind(""), EXECUTE, query("SELECT 2")], "12DCTDCZ")):
                settings = {"default_pool_size": 1, "query_wait_timeout": 5}
                with Pooler(kind, home, {"app": address(server)}, settings, '"postgres" ""\n') as pooler, Client(pooler, "app") as one, Client(pooler, "app") as other:
                    one.send(*messages)
                    assert kinds(one.until(b"Z")) == wanted, (kind, messages)
                    assert one.values("SELECT 'again'") == ["again"]
                    assert other.values("SELECT 'served'") == ["served"], (kind, messages)
