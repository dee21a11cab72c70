"""pgkeep pool: startup parameters that follow their client (those that PgBouncer tracks always, and track_extra_parameters), where their values are of
an unusual form.
"""
from pool_setup import USERS, Setup
from pooler import Client, Pooler, each_kind, errors_in
from support import Server, folder, wait_for
from test_pool_prepared import EXECUTE, bind, parse, said
from test_pool_queries import address

PATH = "SELECT current_setting('search_path')"


def must_have(paths):
    """Each client its path, in turns, by both protocols."""
    for _ in range(3):
        for client, path in paths.items():
            assert client.values(PATH) == [path], paths.values()
            assert said(client, parse("", PATH), bind(""), EXECUTE)[1] == [path], paths.values()


def test_search_path_follows_its_client():
    """PostgreSQL 18 reports it, a list with quotes around its names. 1.18 has no track_extra_parameters."""
    with Server(18) as server, folder() as home:
        server.psql('CREATE TABLE here AS SELECT 1 AS n; CREATE SCHEMA "My ""own"", of all"; CREATE SCHEMA other')
        for statements_max in (200, 0):
            settings = {"track_extra_parameters": "IntervalStyle, Search_Path", "max_prepared_statements": statements_max}
            with Pooler("ours", home, {"app": f"{address(server)} pool_size=1"}, settings, USERS, loops=1) as pooler:
                started = [None, {"options": "-c search_path=other"}, {"search_path": '"My ""own"", of all",other'}, {"options": "-csearch_path="},
                           {"search_path": "\"'; CREATE TABLE foreign_one(); --\", \"back\\\\slash\""}]
                clients = [Client(pooler, "app", parameters=each) for each in started]
                paths = dict(zip(clients, ('"$user", public', *((each.get("options") or each["search_path"]).split("search_path=")[-1] for each in started[1:]))))
                must_have(paths)
                assert clients[0].values("SELECT n FROM here") == ["1"] and errors_in(clients[1].query("SELECT n FROM here"))
                for client, sql, path in ((clients[0], 'SET search_path = "My ""own"", of all", public', '"My ""own"", of all", public'),
                                          (clients[1], "SET search_path = ''", '""'),
                                          (clients[2], "SELECT set_config('search_path', '', false)", ""),
                                          (clients[3], "RESET search_path", '"$user", public'),
                                          (clients[4], "BEGIN; SET LOCAL search_path = gone; COMMIT", paths[clients[4]])):
                    assert not errors_in(client.query(sql)), sql
                    paths[client] = path
                must_have(paths)
        assert server.psql("SELECT count(*) FROM pg_class WHERE relname = 'foreign_one'") == [["0"]]


def test_a_search_path_that_is_none():
    """Not a list, or longer than what is kept of a client: it goes, and the log says why; nobody else has it."""
    with Setup({"track_extra_parameters": "search_path", "default_pool_size": 1}, major=18, loops=1) as setup, setup.client() as other:
        for value in ("x', false); CREATE TABLE foreign_one(); --", "open\", \"more"):
            with setup.client(parameters={"search_path": value}) as client:
                assert errors_in(client.query("SELECT 1")) == ["invalid server parameter"] and client.is_closed()
            wait_for(lambda: f'ERROR varcache_apply failed: ERROR: invalid value for parameter "search_path": "{value}"' in setup.pooler.log(), value)
        with setup.client() as client:
            names = ", ".join(f"schema_{number:055}" for number in range(1200))
            assert not any(kind == b"Z" for kind, _ in client.query(f"SET search_path = {names}"))  # It ends inside of the message that tells the value.
        wait_for(lambda: "closing because: value of search_path is too long" in setup.pooler.log(), "it is logged")
        assert other.values(PATH) == ['"$user", public']
        assert setup.server.psql("SELECT count(*) FROM pg_class WHERE relname = 'foreign_one'") == [["0"]]


def test_empty_values_say_nothing():
    """As of PGTZ="": the client has what its server had at first. PgBouncer tells it the empty value, and it works with what the last client left."""
    names = ("TimeZone", "client_encoding", "standard_conforming_strings", "DateStyle")
    for _, pooler in each_kind():
        with Client(pooler, "app") as usual, Client(pooler, "app", parameters={"DateStyle": "German", "TimeZone": "Asia/Tokyo"}) as other:
            had = {name: usual.values(f"SHOW {name}") for name in names}
            for name in names:
                for form in ({name: ""}, {"options": f"-c {name}="})[:1 if pooler.kind == "pgbouncer" else 2]:
                    other.values("SELECT 1")
                    with Client(pooler, "app", parameters=form) as client:
                        assert client.values("SELECT 40 + 2") == ["42"], (pooler.kind, name)
                        if pooler.kind == "ours":
                            assert client.values(f"SHOW {name}") == had[name] == [client.parameters[name]], name
            with Client(pooler, "app", parameters={"application_name": "one"}) as one, Client(pooler, "app", parameters={"application_name": ""}) as client:
                one.values("SELECT 1")
                assert pooler.kind == "pgbouncer" or client.values("SHOW application_name") == [""]


def test_the_log_says_why_a_value_was_refused():
    for _, pooler in each_kind():
        for name, value in (("DateStyle", "foo"), ("TimeZone", "Nowhere/Land"), ("client_encoding", "nope")):
            with Client(pooler, "app", parameters={name: value}) as client:
                assert errors_in(client.query("SELECT 1")) == ["invalid server parameter"], (pooler.kind, name)
            text = f'ERROR varcache_apply failed: ERROR: invalid value for parameter "{name}": "{value}"\n'
            wait_for(lambda: text in pooler.log(), f"{pooler.kind} says so: {text}")
