"""pgkeep pool: clients that keep their server while they hold something in it (pin_sessions, a key of ours)."""
from pool_setup import USERS, Setup, is_alone_with_its_server, pid_of, rows_in
from pooler import Client, Console, Pooler, errors_in
from support import Server, folder, free_port, wait_for
from test_pool_prepared import EXECUTE, bind, parse, said
from test_pool_queries import address
from test_pool_stats import scrape


def test_pinned_while_it_holds_something():
    holds = [("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"),
             ("SELECT pg_advisory_lock(7), pg_advisory_lock_shared(8)", "SELECT pg_advisory_unlock_all()"),
             ("CREATE TEMP TABLE mine (a int)", "DROP TABLE mine"),
             ("CREATE TEMPORARY TABLE mine AS SELECT 1", "DISCARD TEMP"),
             ("SELECT 1 INTO TEMP mine", "DISCARD ALL"),
             ("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT", "CLOSE c"),
             ("PREPARE p AS SELECT 1", "DEALLOCATE p"),
             ("PREPARE p AS SELECT 1", "DEALLOCATE ALL")]
    with Setup({"pin_sessions": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        assert pid_of(one) == pid_of(other), "the one used last is used first"
        for take, let_go in holds:
            one.values(take)
            assert is_alone_with_its_server(one, other), take
            assert not errors_in(one.query(let_go))
            wait_for(lambda: pid_of(one) == pid_of(other), f"free again after {let_go}")
        # A name that the other one may use as well: nothing of the one is left.
        assert not errors_in(other.query("CREATE TEMP TABLE mine (a int)")) and not errors_in(one.query("CREATE TEMP TABLE mine (a int)"))


def test_pinned_by_the_extended_protocol_and_let_go_by_leaving():
    with Setup({"pin_sessions": 1, "default_pool_size": 1, "query_wait_timeout": 20}, loops=1) as setup:
        with setup.client() as one, setup.client() as other:
            assert said(one, parse("", "SELECT pg_advisory_lock($1::text::int)"), bind("", "7"), EXECUTE)[0] == "12DCZ"
            other.send(other.message(b"Q", b"SELECT pg_try_advisory_lock(7)::text\0"))  # It waits: the pool has one server.
            assert one.values("SELECT 'still mine'") == ["still mine"]
            one.close()
            assert rows_in(other.until(b"Z")) == ["true"], "the lock went with its client"
            other.values("SELECT pg_advisory_unlock(7)")
            # A statement that was prepared by name, too.
            with setup.client() as third:
                assert said(third, parse("s", "SELECT pg_advisory_lock(9)"))[0] == "1Z"
                assert other.values("SELECT 'nothing is held yet'") == ["nothing is held yet"]
                assert said(third, bind("s"), EXECUTE)[0] == "2DCZ"
                other.send(other.message(b"Q", b"SELECT 'at last'\0"))
                assert said(third, parse("", "SELECT pg_advisory_unlock(9)::text"), bind(""), EXECUTE)[1] == ["true"]
                assert rows_in(other.until(b"Z")) == ["at last"]


def test_nobody_is_pinned_by_what_another_left():
    """A function takes it and nothing hints at that: it goes before somebody who takes such a thing himself, or with who is asked about another."""
    held = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'adv' || 'isory' AND pid = pg_backend_pid()"
    with Setup({"pin_sessions": 1, "default_pool_size": 1, "query_wait_timeout": 20}, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE FUNCTION take() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(77); RETURN 'taken'; END $$; "
                          "CREATE FUNCTION draft() RETURNS text LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE IF NOT EXISTS draft (); RETURN 'made'; END $$; "
                          "CREATE TABLE gone (); CREATE TABLE attempts ()")
        for left, told, sql in (("take", "taken", "SELECT pg_advisory_xact_lock(1)"), ("take", "taken", "SELECT pg_advisory_unlock(1)"),
                                ("take", "taken", "DROP TABLE gone"), ("take", "taken", "DEALLOCATE ALL"),
                                ("take", "taken", "BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT"), ("draft", "made", "CREATE TEMP TABLE x (); DROP TABLE x"),
                                ("draft", "made", "SELECT FROM attempts")):
            assert one.values(f"SELECT {left}()") == [told]
            assert not errors_in(other.query(sql)), sql
            assert pid_of(one) == pid_of(other), f"nobody is pinned by {sql}"
        assert setup.extras() == {}
        # A lock that cannot be had is no lock, and what was left is not there any more.
        assert one.values("SELECT take()") == ["taken"] and other.values(held) == ["1"]
        assert other.values("SELECT pg_try_advisory_lock(78)::text") == ["true"]
        wait_for(lambda: setup.pins() == ["", "advisory lock"], "its own lock pins it")
        assert other.values(held) == ["1"], "not the other one's, too"
        assert other.values("SELECT pg_advisory_unlock(78)::text") == ["true"]
        assert one.values(held) == ["0"]
        # Whoever holds something else is not kept by what was there before, which goes when he lets go.
        assert one.values("SELECT take()") == ["taken"]
        assert not errors_in(other.query("PREPARE p AS SELECT 1"))
        wait_for(lambda: setup.pins() == ["", "prepared statement"], "pinned for what it holds")
        assert not errors_in(other.query("DEALLOCATE p"))
        assert one.values(held) == ["0"]


def test_client_idle_timeout_ends_pins():
    """PgBouncer's clients of session mode keep their servers whatever client_idle_timeout says; a client that is pinned must not."""
    settings = {"pin_sessions": 1, "default_pool_size": 1, "client_idle_timeout": 4, "query_wait_timeout": 60}
    with Setup(settings, loops=1) as setup, setup.client() as one, setup.client() as other:
        one.query("SELECT pg_advisory_lock(7)")
        other.send(other.message(b"Q", b"SELECT pg_try_advisory_lock(7)::text\0"))
        assert one.values("SELECT 'busy' FROM pg_sleep(5)") == ["busy"], "it is not idle while it works"
        assert errors_in(one.until(b"E")) == ["client_idle_timeout"] and one.is_closed()
        assert rows_in(other.until(b"Z")) == ["true"], "what it held is gone"
    with Server(15) as server, folder() as home:
        for kind in ("ours", "pgbouncer"):
            settings = {"pool_mode": "session", "default_pool_size": 1, "client_idle_timeout": 2}
            with Pooler(kind, home, {"app": address(server)}, settings, USERS) as pooler, Client(pooler, "app") as one:
                mine = pid_of(one)
                with Client(pooler, "app") as idle:
                    assert errors_in(idle.until(b"E")) == ["client_idle_timeout"], kind
                assert pid_of(one) == mine, f"{kind}: it has a session"


def test_nothing_is_pinned_unless_asked():
    with Setup({}, loops=1) as setup, setup.client() as one, setup.client() as other:
        one.query("SELECT pg_advisory_lock(7)")
        assert pid_of(one) == pid_of(other)


def test_pins_are_counted_and_shown():
    """By what is held: now in SHOW CLIENTS and SHOW SERVERS, so often in SHOW EXTRAS, both for Prometheus."""
    port = free_port()
    with Setup({"pin_sessions": 1, "default_pool_size": 3, "metrics_listen": f"127.0.0.1:{port}"}) as setup, setup.client() as one, setup.client() as other:
        one.values("SELECT 1")
        assert setup.extras() == {} and setup.pins() == ["", ""]
        one.query("SELECT pg_advisory_lock(7)")
        one.query("PREPARE p AS SELECT 1")
        other.query("CREATE TEMP TABLE mine (a int)")
        one.query("SELECT pg_advisory_lock(8)")  # One more of what it holds already.
        # The server is asked once the client has its answer.
        wait_for(lambda: setup.pins() == ["advisory lock, prepared statement", "temporary table"], "both are pinned")
        now = {"cl_pinned": 2, "cl_advisory_lock": 1, "cl_prepared_statement": 1, "cl_temporary_table": 1}
        total = {"total_pins": 2, "total_advisory_lock_pins": 1, "total_prepared_statement_pins": 1, "total_temporary_table_pins": 1}
        assert setup.extras() == {**now, **total}
        with Console(setup.pooler) as console:
            assert sorted(row["pinned"] for row in console.rows("SHOW SERVERS")) == setup.pins()
        seen = scrape(port)
        label = 'database="app",user="postgres"'
        assert seen[f"pgkeep_pool_pinned_clients{{{label}}}"] == seen[f"pgkeep_pool_pins_total{{{label}}}"] == "2"
        for what, count in (("advisory lock", "1"), ("cursor", "0")):
            assert seen[f'pgkeep_pool_holds_total{{{label},what="{what}"}}'] == seen[f'pgkeep_pool_holding_clients{{{label},what="{what}"}}'] == count
        one.query("SELECT pg_advisory_unlock_all()")
        one.query("DEALLOCATE p")
        other.close()
        wait_for(lambda: setup.extras() == total, "nobody holds anything")
        one.query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT")
        again = {**total, "cl_pinned": 1, "cl_cursor": 1, "total_pins": 3, "total_cursor_pins": 1}
        wait_for(lambda: setup.extras() == again, "it is pinned again")
