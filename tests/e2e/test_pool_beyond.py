"""pgkeep pool: statements that lost are tried again, changed plans are healed, and what keys of ours do in statement mode. pgbouncer cannot be run beside."""
import threading

from pool_setup import DESCRIBE_PORTAL, USERS, Setup, are, both_servers, is_alone_with_its_server, notified, rows_in
from pooler import Client, Pooler, error_text, errors_in
from support import Server, folder, wait_for
from test_pool_prepared import EXECUTE, SYNC, bind, describe, parse, said
from test_pool_queries import address


def test_changed_result_types_are_healed():
    with Setup({"default_pool_size": 2, "server_round_robin": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        both_servers(one, other)
        run = [bind("s"), DESCRIBE_PORTAL, EXECUTE]
        assert said(one, parse("s", "SELECT * FROM t"), *run) == ("12TDCZ", ["1"])
        for _ in range(4):  # On both servers.
            assert said(one, *run) == ("2TDCZ", ["1"])
        setup.server.psql("ALTER TABLE t ADD b text DEFAULT 'new'")
        for _ in range(10):  # Until both have it anew.
            one.send(*run, SYNC)
            messages = one.until(b"Z")
            assert not errors_in(messages) and [content[:2] for kind, content in messages if kind == b"D"] == [b"\0\2"], messages
        assert setup.extras().get("total_plans_healed", 0) >= 1


def test_in_a_transaction_nothing_is_healed():
    """The client hears the error, and after its rollback the statement is a new one. With one server: which has it prepared is known then."""
    with Setup({"default_pool_size": 1}, loops=1) as setup, setup.client() as one:
        setup.server.psql("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2)")
        run = [bind("s"), DESCRIBE_PORTAL, EXECUTE]
        assert said(one, parse("s", "SELECT * FROM t"), *run) == ("12TDCZ", ["1"])
        one.query("BEGIN")
        assert said(one, *run)[0] == "2TDCZ"
        one.query("ROLLBACK")
        setup.server.psql("ALTER TABLE t DROP b")
        one.query("BEGIN")
        assert said(one, *run) == ("EZ", ["cached plan must not change result type"])
        one.query("ROLLBACK")
        for _ in range(4):
            assert said(one, *run) == ("2TDCZ", ["1"])


def test_changed_result_types_of_clients_that_do_not_ask_for_columns():
    """They would take the new columns for the old ones: they hear the error once, not from every server and for ever."""
    with Setup({"server_round_robin": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        both_servers(one, other)
        assert said(one, parse("s", "SELECT * FROM t"), describe("s"), bind("s"), EXECUTE)[0] == "1tT2DCZ"
        for _ in range(3):
            assert said(one, bind("s"), EXECUTE) == ("2DCZ", ["1"])
        setup.server.psql("ALTER TABLE t ALTER a TYPE text")
        assert said(one, bind("s"), EXECUTE) == ("EZ", ["cached plan must not change result type"])
        for _ in range(4):  # As drivers do: the same text, prepared once more.
            assert said(one, Client.message(b"C", b"Ss\0"), parse("s", "SELECT * FROM t"), describe("s"), bind("s"), EXECUTE) == ("31tT2DCZ", ["1"])


def test_healing_ends_where_the_statement_is_gone():
    with Setup({}) as setup, setup.client() as one:
        setup.server.psql("CREATE TABLE t (a int)")
        run = [bind("s"), DESCRIBE_PORTAL, EXECUTE]
        assert said(one, parse("s", "SELECT * FROM t"), *run)[0] == "12TCZ"
        setup.server.psql("DROP TABLE t")
        kinds, rows = said(one, *run)
        assert kinds == "EZ" and "does not exist" in rows[0], (kinds, rows)
        assert one.values("SELECT 7") == ["7"]


def test_healing_can_be_switched_off():
    with Setup({"heal_cached_plans": 0}) as setup, setup.client() as one:
        setup.server.psql("CREATE TABLE t (a int)")
        run = [bind("s"), DESCRIBE_PORTAL, EXECUTE]
        assert said(one, parse("s", "SELECT * FROM t"), *run)[0] == "12TCZ"
        setup.server.psql("ALTER TABLE t ADD b int")
        assert said(one, *run) == ("EZ", ["cached plan must not change result type"])
        assert said(one, *run)[0] == "2TCZ"


def test_statement_mode_has_it_all():
    settings = {"pool_mode": "statement", "keep_session_settings": 1, "pin_sessions": 1, "share_listen": 1, "server_round_robin": 1}
    with Setup(settings, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE ROLE clerk")
        one.send(one.message(b"Q", b"SELECT pg_sleep(0.5)\0"))
        other.query("SELECT 1")  # Meanwhile, so on another server.
        one.until(b"Z")
        default = other.values("SHOW work_mem")
        one.query("SET work_mem = '77MB'")
        one.query("SET SESSION AUTHORIZATION clerk")
        for client, wanted in ((one, ["77MB"]), (other, default), (other, default)) * 2:
            assert client.values("SHOW work_mem") == wanted
        are(one, "clerk as clerk", other, "postgres as postgres", "statement mode")
        one.query("RESET SESSION AUTHORIZATION")
        run = [bind("s"), DESCRIBE_PORTAL, EXECUTE]
        assert said(other, parse("s", "SELECT * FROM t"), *run) == ("12TDCZ", ["1"])
        setup.server.psql("ALTER TABLE t ADD b text")
        assert said(other, *run)[0] == "2TDCZ"
        one.query("CREATE TEMP TABLE mine (a int)")
        assert is_alone_with_its_server(one, other)
        assert not errors_in(one.query("DROP TABLE mine"))
        wait_for(lambda: setup.pins() == ["", ""], "it is free again")
        assert not errors_in(other.query("LISTEN news"))
        setup.server.psql("NOTIFY news, 'heard'")
        assert notified(other, 1) == ["news heard"]


def test_statements_that_lost_are_tried_again():
    """Counters raised by many at once, serializable: without tries more, many of them lose."""
    settings = {"default_pool_size": 8, "retry_serialization_failures": 10}
    with Setup(settings, {"default_transaction_isolation": "serializable"}) as setup:
        setup.server.psql("CREATE TABLE counters (id int PRIMARY KEY, n int); INSERT INTO counters SELECT i, 0 FROM generate_series(0, 1) i")
        problems = []

        def work(number):
            with setup.client() as client:
                assert said(client, parse("up", "UPDATE counters SET n = n + 1 WHERE id = $1::text::int RETURNING n::text"))[0] == "1Z"
                for turn in range(25):
                    if (number + turn) % 2 == 0:
                        messages = client.query(f"UPDATE counters SET n = n + 1 WHERE id = {turn % 2} RETURNING n::text")
                    else:
                        client.send(bind("up", str(turn % 2)), DESCRIBE_PORTAL, EXECUTE, SYNC)
                        messages = client.until(b"Z")
                    if errors_in(messages) or len(rows_in(messages)) != 1:
                        problems.append((errors_in(messages), rows_in(messages)))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total = int(setup.server.psql("SELECT sum(n) FROM counters")[0][0])
        # Each that the client took for done was done once. Ten tries may be too few for some: they were not done.
        assert total == 200 - len(problems), (total, problems[:3])
        assert len(problems) < 20, problems[:3]


def test_both_errors_are_tried_again_in_every_mode():
    """40001 and 40P01, and no other of their class."""
    with Server(15) as server, folder() as home:
        server.psql("CREATE SEQUENCE tried; CREATE FUNCTION win(state text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
                    "IF nextval('tried') % 4 <> 0 THEN RAISE EXCEPTION 'lost' USING ERRCODE = state; END IF; RETURN 'won'; END $$")
        for mode in ("session", "transaction", "statement"):
            for tries, sqlstate, told in ((3, "40001", "won"), (3, "40P01", "won"), (2, "40P01", "lost"), (3, "40003", "lost"), (3, "55P03", "lost")):
                settings = {"pool_mode": mode, "retry_serialization_failures": tries}
                with Pooler("ours", home, {"app": address(server)}, settings, USERS) as pooler, Client(pooler, "app") as client:
                    for by_query in (True, False):
                        server.psql("ALTER SEQUENCE tried RESTART")
                        sql = f"SELECT win('{sqlstate}')"
                        heard = client.query(sql) if by_query else client.send(parse("", sql), bind(""), EXECUTE, SYNC) or client.until(b"Z")
                        assert errors_in(heard) + rows_in(heard) == [told], (mode, tries, sqlstate, heard)


def test_long_parameters_are_tried_again():
    """Of a named statement, whose name is said in other words."""
    with Setup({"retry_serialization_failures": 5}, loops=1) as setup, setup.client() as one:
        setup.server.psql("CREATE SEQUENCE tried; CREATE FUNCTION win(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
                          "IF nextval('tried') % 4 <> 0 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF; RETURN length(what); END $$")
        assert said(one, parse("s", "SELECT win($1)"))[0] == "1Z"
        for more in ([], [DESCRIBE_PORTAL]):
            for length in (10, 1900, 2100, 5000, 60_000):
                setup.server.psql("ALTER SEQUENCE tried RESTART")
                assert said(one, bind("s", "y" * length), *more, EXECUTE)[1] == [str(length)], (more, length)


def test_a_deadlock_is_nobodys_business():
    """A real one: each has a row that the other wants. One of them is tried again, once the other is done."""
    for mode in ("transaction", "statement"):
        with Setup({"pool_mode": mode, "retry_serialization_failures": 3}, {"deadlock_timeout": "10ms"}) as setup, setup.client() as one, setup.client() as other:
            setup.server.psql("CREATE TABLE rows (id int, n int); INSERT INTO rows VALUES (1, 0), (2, 0); CREATE SEQUENCE came; "
                              "CREATE FUNCTION raise_both(a int, b int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
                              "UPDATE rows SET n = n + 1 WHERE id = a; PERFORM nextval('came'); "
                              "WHILE (SELECT last_value FROM came) < 2 LOOP PERFORM pg_sleep(0.01); END LOOP; "
                              "UPDATE rows SET n = n + 1 WHERE id = b; RETURN 'done'; END $$")
            for client, sql in ((one, b"SELECT raise_both(1, 2)\0"), (other, b"SELECT raise_both(2, 1)\0")):
                client.send(client.message(b"Q", sql))
            for client in (one, other):
                heard = client.until(b"Z")
                assert not errors_in(heard) and rows_in(heard) == ["done"], heard
            assert setup.server.psql("SELECT sum(n) FROM rows")[0][0] == "4"
            assert setup.extras()["total_statements_retried"] >= 1


def test_what_is_never_tried_again():
    with Setup({"retry_serialization_failures": 5, "default_pool_size": 1}) as setup, setup.client() as one:
        setup.server.psql("CREATE TABLE tries (n int)")
        setup.server.psql("CREATE FUNCTION lose() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$")
        setup.server.psql("CREATE SEQUENCE tried")
        setup.server.psql("CREATE PROCEDURE proceed() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tries VALUES (1); COMMIT; PERFORM lose(); END $$")

        def tries_of(*messages):
            before = int(setup.server.psql("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tried")[0][0])
            one.send(*messages)
            heard = one.until(b"Z")
            assert errors_in(heard)[-1] == "lost", heard
            return int(setup.server.psql("SELECT last_value FROM tried")[0][0]) - before

        def query(sql):
            return one.message(b"Q", sql.encode() + b"\0")

        assert tries_of(query("SELECT nextval('tried'), lose()")) == 6
        assert tries_of(parse("", "SELECT nextval('tried'), lose()"), bind(""), DESCRIBE_PORTAL, EXECUTE, SYNC) == 6
        assert setup.extras() == {"total_statements_retried": 10}
        # A row of it was sent already, or the one before it was done.
        assert tries_of(query("SELECT repeat('x', 9000), CASE WHEN i = 500 THEN lose() ELSE i END, CASE WHEN i = 1 THEN nextval('tried') END "
                              "FROM generate_series(1, 500) i")) == 1
        assert tries_of(query("SELECT nextval('tried'); SELECT lose()")) == 1
        # In a transaction block.
        one.query("BEGIN")
        assert tries_of(query("SELECT nextval('tried'), lose()")) == 1
        one.query("ROLLBACK")
        # What may have committed half of its work.
        assert errors_in(one.query("CALL proceed()")) == ["lost"]
        assert setup.server.psql("SELECT count(*) FROM tries")[0][0] == "1"
        # Somebody who sends on does not wait.
        one.send(query("SELECT nextval('tried'), lose()"), query("SELECT 'next'"))
        assert [error_text(content) for kind, content in one.until(b"Z") if kind == b"E"] == ["lost"]
        assert rows_in(one.until(b"Z")) == ["next"]


SLOW = ["test_statements_that_lost_are_tried_again"]
