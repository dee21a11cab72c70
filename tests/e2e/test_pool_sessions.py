"""pgkeep pool: settings and rights that follow their client from server to server (keep_session_settings, a key of ours)."""
import select
import socket
import struct

from pool_setup import USERS, WHO, Setup, are, both_servers, pid_of, rows_in
from pooler import Client, Pooler, errors_in
from support import Server, folder, wait_for
from test_pool_prepared import EXECUTE, SYNC, bind, parse, said
from test_pool_queries import address


def test_settings_follow_their_client():
    with Setup({"keep_session_settings": 1, "server_round_robin": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE ROLE clerk; CREATE SCHEMA \"My schema\"")
        both_servers(one, other)

        def has(client, **settings):
            for _ in range(4):
                found = {name: client.values(f"SELECT current_setting('{name.replace('__', '.')}', true)")[0] for name in settings}
                assert found == settings, found

        default = other.values("SHOW work_mem")[0]
        one.query("SET work_mem = '77MB'")
        one.query("SET search_path = \"My schema\", pg_catalog")
        one.values("SELECT set_config('app.user', 'it''s \\me', false)")
        one.query("BEGIN; SET statement_timeout = '7s'; COMMIT")
        mine = {"work_mem": "77MB", "search_path": '"My schema", pg_catalog', "app__user": "it's \\me", "statement_timeout": "7s"}
        has(one, **mine)
        has(other, work_mem=default, statement_timeout="0", search_path='"$user", public')
        found = [other.values("SELECT coalesce(current_setting('app.user', true), '')") for _ in range(4)]
        assert found == [[""]] * 4, found
        # What is undone or ends with the transaction does not stay.
        one.query("BEGIN")
        one.query("SET work_mem = '1MB'")
        one.query("ROLLBACK")
        one.query("BEGIN; SET LOCAL work_mem = '2MB'; COMMIT")
        has(one, **mine)
        one.query("RESET work_mem")
        has(one, work_mem=default, statement_timeout="7s")
        one.query("SET ROLE clerk")
        assert [one.values("SELECT current_user::text")[0] for _ in range(4)] == ["clerk"] * 4
        assert [other.values("SELECT current_user::text")[0] for _ in range(4)] == ["postgres"] * 4
        one.query("SET TIME ZONE 'Europe/Berlin'")  # One that is tracked anyhow.
        has(one, TimeZone="Europe/Berlin", role="clerk")
        one.query("SET SESSION AUTHORIZATION clerk")
        has(one, session_authorization="clerk", role="none", statement_timeout="7s")
        has(other, session_authorization="postgres", role="none", statement_timeout="0")
        one.query("DISCARD ALL")
        has(one, statement_timeout="0", role="none", session_authorization="postgres")
        assert said(one, parse("", "SET lock_timeout = '9s'"), bind(""), EXECUTE)[0] == "12CZ"
        has(one, lock_timeout="9s")
        has(other, lock_timeout="0")


def test_nobody_works_with_the_rights_of_another():
    """With either key; with none, as in PgBouncer, a server has what its last client left."""
    usual = "postgres as postgres"
    steps = (("SET SESSION AUTHORIZATION clerk", "clerk as clerk"),
             ("SET ROLE \"Chief clerk\"", "clerk as Chief clerk"),
             ("SET SESSION AUTHORIZATION DEFAULT", usual),
             ("SET SESSION AUTHORIZATION \"Chief clerk\"", "Chief clerk as Chief clerk"),
             ("RESET SESSION AUTHORIZATION", usual),
             ("BEGIN; SET LOCAL SESSION AUTHORIZATION clerk; COMMIT", usual),
             ("BEGIN; SET SESSION AUTHORIZATION clerk; ROLLBACK", usual),
             ("BEGIN; SAVEPOINT s; SET SESSION AUTHORIZATION clerk; ROLLBACK TO s; COMMIT", usual),
             ("SELECT become('clerk')", "clerk as clerk"),  # The server tells of it, whoever does it.
             ("SELECT set_config('role', 'Chief clerk', false)", "clerk as Chief clerk"),
             ("SELECT become('postgres')", usual),
             ("SET ROLE clerk", "postgres as clerk"),
             ("RESET ROLE", usual),
             ("SET SESSION AUTHORIZATION clerk", "clerk as clerk"),
             ("DISCARD ALL", usual))
    for major, keys in ((12, ("keep_session_settings",)), (15, ("pin_sessions",)), (18, ("pin_sessions", "keep_session_settings"))):
        settings = {**dict.fromkeys(keys, 1), "server_round_robin": 1}
        with Setup(settings, loops=1, major=major) as setup, setup.client() as one, setup.client() as other:
            both_servers(one, other)
            setup.server.psql("CREATE ROLE clerk; CREATE ROLE \"Chief clerk\"; GRANT \"Chief clerk\" TO clerk; "
                              "CREATE FUNCTION become(who text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN "
                              "EXECUTE format('SET SESSION AUTHORIZATION %I', who); RETURN 'done'; END $$")
            for sql, who in steps:
                assert not errors_in(one.query(sql)), (keys, sql)
                are(one, who, other, usual, (keys, sql))
            one.query("SET SESSION AUTHORIZATION clerk")
            one.close()
            with setup.client() as third:
                are(third, usual, other, usual, "it left")


def test_rights_that_cannot_be_given_are_not_replaced_by_others():
    """Nothing runs with what rights the server happens to have: the client is sent away before that."""
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE ROLE clerk; CREATE TABLE ledger (line text)")
        one.query("SET ROLE clerk")
        assert one.values(WHO) == ["postgres as clerk"] and other.values(WHO) == ["postgres as postgres"]
        setup.server.psql("DROP ROLE clerk")
        one.send(one.message(b"Q", b"INSERT INTO ledger VALUES ('as whom?')\0"))
        assert errors_in(one.until(b"ZE")) and one.is_closed()
        assert setup.server.psql("SELECT count(*) FROM ledger")[0][0] == "0"
        assert other.values(WHO) == ["postgres as postgres"]


def test_nothing_runs_with_the_settings_of_another():
    """What is said in front of a statement is said in the encoding of its client, and the statement waits for it."""
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup, setup.client(parameters={"client_encoding": "LATIN1"}) as one, \
            setup.client() as other:
        setup.server.psql('CREATE TABLE t (line text); CREATE SCHEMA "schéma"; CREATE TABLE "schéma".t (line text); '
                          "CREATE TEXT SEARCH CONFIGURATION mine (COPY = simple)")
        one.send(Client.message(b"Q", 'SET search_path = "schéma"\0'.encode("latin1")))
        assert not errors_in(one.until(b"Z"))
        for line in ("one", "two"):
            assert not errors_in(one.query(f"INSERT INTO t VALUES ('{line}')"))
            assert other.values("SHOW search_path") == ['"$user", public']
        assert setup.server.psql('SELECT line FROM "schéma".t ORDER BY 1') == [["one"], ["two"]]
        one.query("SET default_text_search_config = 'public.mine'")
        assert other.values("SELECT 1") == ["1"]
        setup.server.psql("DROP TEXT SEARCH CONFIGURATION mine")
        one.send(Client.message(b"Q", b"INSERT INTO public.t VALUES ('with whose settings?')\0"))
        assert errors_in(one.until(b"ZE")) and one.is_closed()
        assert setup.server.psql("SELECT count(*) FROM public.t") == [["0"]]


TENANT = "SELECT coalesce(current_setting('app.tenant', true), '')"


def test_settings_with_a_prefix_reach_nobody_else():
    """However they are said. Where the name can be read they follow their client."""
    kept = ["SET app.tenant = 'me'", "set session app . tenant to 'me'", 'SET "app"."tenant" = \'me\'', "SET /* a /* b */ */ app.tenant = 'me'",
            "SET -- which?\n app.tenant = 'me'", "SELECT set_config( 'app.tenant', 'me', false)", "SELECT set_config\n(\n  'app.tenant',\n  'me', false)",
            "SELECT set_config(E'app.tenant', 'me', false)", "SELECT \"set_config\"('app.tenant', 'me', false)", "SELECT set_config('APP.TENANT', 'me', false)",
            "DO $$ BEGIN PERFORM set_config('app.tenant', 'me', false); END $$", f"SELECT length('{'x' * 50_000}'); SET app.tenant = 'me'"]
    lost = ["SELECT set_config(name, 'me', false) FROM (VALUES ('app.tenant')) names (name)", "SELECT set_config('app.' || 'tenant', 'me', false)",
            "SELECT set_config(E'app\\x2etenant', 'me', false)", f"SELECT length('{'x' * 150_000}'); SET app.tenant = 'me'",
            "".join(f"SET app.a{i} = '1';" for i in range(64)) + "SET app.tenant = 'me'"]
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup:
        for sql in kept + lost:
            with setup.client() as one, setup.client() as other:
                assert not errors_in(one.query(sql)), sql[-100:]
                assert other.values(TENANT) == [""], sql[-100:]
                assert one.values(TENANT) == (["me"] if sql in kept else [""]), sql[-100:]
                assert other.values(TENANT) == [""], sql[-100:]


def test_settings_that_come_in_pieces():
    message = Client.message(b"Q", b"SET app.tenant = 'me'\0")
    for more in ({}, {"max_prepared_statements": 0}):
        with Setup({"keep_session_settings": 1, "default_pool_size": 1, **more}, loops=1) as setup, setup.client() as other:
            for in_block in (False, True):
                for cut in range(1, len(message)):
                    with setup.client() as one:
                        one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        if in_block:
                            one.query("BEGIN")
                        one.send(message[:cut])
                        with setup.client() as passer:  # By then the first piece has come.
                            assert in_block or passer.values("SELECT 1") == ["1"]
                        one.send(message[cut:])
                        assert not errors_in(one.until(b"Z"))
                        if in_block:
                            one.query("COMMIT")
                        assert other.values(TENANT) == [""] and one.values(TENANT) == ["me"], cut


def test_a_text_behind_set_is_read_by_its_client_alone():
    """Also where it has its answer and the server's question is not answered yet, and in the same transaction."""
    sql = "SELECT coalesce((1 = NULL)::text, 'null') /* {} */"
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup, setup.client() as other, Client(setup.server, "postgres") as holder, \
            Client(setup.server, "postgres") as watcher:
        def read(client, number, name="s"):
            return said(client, parse(name, sql.format(number)), bind(name), EXECUTE)[1]

        with setup.client() as one:
            holder.query("BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting")  # Our question waits for it.
            one.query("SET transform_null_equals = on")
            one.send(parse("s", sql.format(1)), bind("s"), EXECUTE, SYNC)
            wait_for(lambda: watcher.values("SELECT count(*) FROM pg_locks WHERE NOT granted") == ["1"], "the question waits")
            holder.query("COMMIT")
            assert rows_in(one.until(b"Z")) == ["false"]
            assert read(other, 1) == ["null"]
        with setup.client() as one:
            one.query("BEGIN; SET transform_null_equals = on")
            assert read(one, 2) == ["false"]
            one.query("SET transform_null_equals = off")
            assert read(one, 2, "t") == ["null"]
            one.query("COMMIT")
            assert read(other, 2, "t") == ["null"]
            one.query("SET transform_null_equals = on")
            assert read(other, 3, "u") == ["null"] and read(one, 3, "u") == ["false"]


def test_a_schema_for_each_tenant():
    """A statement finds its client's tables, not those of who prepared the same text first."""
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        setup.server.psql("CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (x text); CREATE TABLE b.t (x text, more int); "
                          "INSERT INTO a.t VALUES ('of a'); INSERT INTO b.t VALUES ('of b', 1)")
        one.query("SET search_path = a")
        other.query("SET search_path = b")
        for client in (one, other):
            assert said(client, parse("s", "SELECT * FROM t"))[0] == "1Z"
        for _ in range(3):
            assert [said(client, bind("s"), EXECUTE)[1] for client in (one, other)] == [["of a"], ["of b"]]


def test_values_in_every_encoding():
    """What is told to a server means what the client said, whatever encoding its bytes are of."""
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup, setup.client() as other:
        for encoding, value in (("SJIS", b"\x95\x5cn"), ("SJIS", b"\x95\x5c"), ("GBK", b"\x95\x5cn"), ("BIG5", b"\xa5\x5c"), ("LATIN1", b"\xe9\\a''"),
                                ("UTF8", "日本 \\ é".encode())):
            with setup.client(parameters={"client_encoding": encoding}) as one:
                one.send(Client.message(b"Q", b"SELECT set_config('app.name', '" + value + b"', false)\0"))
                assert not errors_in(one.until(b"Z")), encoding
                right = value.replace(b"''", b"'")
                for _ in range(2):
                    assert other.values("SELECT coalesce(current_setting('app.name', true), '')") == [""]
                    found = [content[6:] for kind, content in one.query("SELECT current_setting('app.name')") if kind == b"D"]
                    assert found == [right], (encoding, found)
        with setup.client(parameters={"client_encoding": "LATIN1"}) as one, setup.client() as two:
            for client in (one, two):
                client.send(Client.message(b"Q", "SET app.name = 'ä'\0".encode()))
                assert not errors_in(client.until(b"Z"))
            for _ in range(2):
                assert [client.values("SELECT length(current_setting('app.name'))") for client in (one, two)] == [["2"], ["1"]]


def test_what_ends_our_question_ends_nobody():
    """The client's own statement_timeout, a cancel request that comes when its query is over, and one for what it said behind that: it works on, and what it
    set is known."""
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup, setup.client() as one, setup.client() as other, \
            Client(setup.server, "postgres") as holder, Client(setup.server, "postgres") as watcher:
        def asked(text):
            wait_for(lambda: watcher.values(f"SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '{text}%'"), "the question waits")

        def cancelled():
            with Client(setup.pooler, is_started=False) as asker:
                asker.send(struct.pack("!II", 16, 80877102) + one.key)
                return asker.is_closed(1)

        one.query("SET work_mem = '5MB'")
        assert other.values("SHOW work_mem") == ["4MB"], "the question is over"
        for sql, question in (("SET work_mem = '6MB'", "SELECT kind"), ("SET statement_timeout = '200ms'", "SET LOCAL statement_timeout")):
            holder.query("BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting")
            assert not errors_in(one.query(sql))
            asked(question)
            assert cancelled(), "a late request is for nothing, and not waited for"
            asked(question)
            holder.query("COMMIT")
            assert other.values("SELECT current_setting('work_mem') || current_setting('statement_timeout')") == ["4MB0"]
        assert one.values("SELECT current_setting('work_mem') || current_setting('statement_timeout')") == ["6MB200ms"]
        one.query("SET statement_timeout = 0")
        assert other.values("SHOW work_mem") == ["4MB"], "the question is over"
        # Behind the question something waits that is to be cancelled: once it runs.
        holder.query("BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting")
        one.query("SET work_mem = '7MB'")
        asked("SELECT kind")
        one.send(Client.message(b"Q", b"SELECT pg_sleep(600)\0"))
        with Client(setup.pooler, is_started=False) as asker:
            asker.send(struct.pack("!II", 16, 80877102) + one.key)
            assert not asker.is_closed(1), "it waits for the end of the question"
            holder.query("COMMIT")
            assert asker.is_closed()
            wait_for(lambda: cancelled() and select.select([one.socket], [], [], 0.5)[0], "it is cancelled, if need be once more")
        assert errors_in(one.until(b"Z")) == ["canceling statement due to user request"]
        assert one.values("SHOW work_mem") == ["7MB"]


def test_rights_begin_with_those_of_the_connection():
    """With a role that ALTER ROLE, ALTER DATABASE or connect_query gave: SET ROLE NONE is what follows a client then, and others have that role."""
    usual = "postgres as clerk"
    steps = (("SET ROLE NONE", "postgres as postgres"), ("SET work_mem = '7MB'", "postgres as postgres"), ("SET ROLE other", "postgres as other"),
             ("SET SESSION AUTHORIZATION other", "other as other"), ("SET SESSION AUTHORIZATION postgres; SET ROLE clerk", usual))
    for database, sql in (("connect_query='SET ROLE clerk'", "SELECT 1"), ("", "ALTER ROLE postgres SET role = clerk"),
                          ("", "ALTER DATABASE postgres SET role = clerk")):
        settings = {"keep_session_settings": 1, "pin_sessions": 1, "server_round_robin": 1}
        with Setup(settings, loops=1, database=database) as setup:
            setup.server.psql("CREATE ROLE clerk; CREATE ROLE other")
            setup.server.psql(sql)
            with setup.client() as one, setup.client() as other:
                both_servers(one, other)
                are(one, usual, other, usual, (database, sql))
                for step, who in steps:
                    assert not errors_in(one.query(step)), step
                    are(one, who, other, usual, (database, sql, step))
                one.query("SELECT pg_advisory_lock(7)")
                one.close()  # Its server is cleaned.
                with setup.client() as third:
                    are(third, usual, other, usual, (database, sql))


def test_startup_values_of_any_parameter():
    with Setup({"keep_session_settings": 1, "default_pool_size": 1}, loops=1) as setup:
        with setup.client(parameters={"statement_timeout": "4s", "options": "-c work_mem=3MB -c geqo=off"}) as one, setup.client() as other:
            for _ in range(3):
                assert [one.values(f"SHOW {name}")[0] for name in ("statement_timeout", "work_mem", "geqo")] == ["4s", "3MB", "off"]
                assert [other.values(f"SHOW {name}")[0] for name in ("statement_timeout", "geqo")] == ["0", "on"]
            one.query("SET geqo = on")
            assert one.values("SHOW geqo") == ["on"] and one.values("SHOW work_mem") == ["3MB"]
        with setup.client(parameters={"no_such_parameter": "1"}) as wrong:  # The server would have said so at once; here it is said when it is used.
            assert errors_in(wrong.query("SELECT 1")), "refused"
        with setup.client() as after:
            assert after.values("SELECT 7") == ["7"]


def test_startup_values_in_session_mode():
    """They go with their client, whatever the reset query says."""
    for reset in ("DISCARD ALL", "SELECT pg_advisory_unlock_all()"):
        settings = {"keep_session_settings": 1, "pool_mode": "session", "default_pool_size": 1, "server_reset_query": reset}
        with Setup(settings, loops=1) as setup:
            pids = set()
            for wanted in ("1234ms", "4321ms", None):
                with setup.client(parameters={"statement_timeout": wanted} if wanted else {}) as one:
                    assert one.values("SHOW statement_timeout") == [wanted or "0"], (reset, wanted)
                    pids.add(pid_of(one))
            assert len(pids) == 1, "the server was reset, not closed"


def test_settings_are_nobodys_unless_asked():
    with Setup({"default_pool_size": 1}) as setup, setup.client() as one, setup.client() as other:
        one.query("SET work_mem = '77MB'")
        assert other.values("SHOW work_mem") == ["77MB"], "as in PgBouncer"
        try:
            setup.client(parameters={"statement_timeout": "4s"})
            raise AssertionError("it came in")
        except ConnectionError as refusal:
            assert "unsupported startup parameter: statement_timeout" in str(refusal)
    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE clerk")
        for kind in ("ours", "pgbouncer"):
            with Pooler(kind, home, {"app": address(server)}, {"default_pool_size": 1}, USERS) as pooler, Client(pooler, "app") as one, Client(pooler, "app") as other:
                one.query("SET SESSION AUTHORIZATION clerk")
                assert other.values(WHO) == ["clerk as clerk"], kind


SLOW = ["test_nobody_works_with_the_rights_of_another", "test_settings_follow_their_client"]
