"""pgkeep pool: how many connections a database, a user, a pool and the whole pooler may have, and what happens at each limit."""
import concurrent.futures
import contextlib
import json
import signal
import threading
import time

from pooler import KINDS, Client, Console, Pooler, errors_in, on_loop
from support import Server, folder, pgkeep, wait_for

USERS = '"u1" ""\n"u2" ""\n"u3" ""\n'


@contextlib.contextmanager
def server_and_home():
    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE u1 LOGIN; CREATE ROLE u2 LOGIN; CREATE ROLE u3 LOGIN")
        yield server, home, f"host=127.0.0.1 port={server.port} dbname=postgres"


def backends(server, condition="true"):
    return int(server.psql(f"SELECT count(*) FROM pg_stat_activity WHERE usename ~ '^u[123]$' AND {condition}")[0][0])


def told(pooler, database, user):
    """What a client is told that is not let in; none: it came in."""
    try:
        Client(pooler, database, user).close()
    except ConnectionError as error:
        return str(error)
    return None


def one_answer(pooler, database, user):
    with Client(pooler, database, user) as client:
        return client.values("SELECT 1")


def test_an_idle_server_of_the_same_database_or_user_gives_way():
    """max_db_connections and max_user_connections, of all and of one: a busy server does not give way, an idle one does ("evicted")."""
    cases = [("a", "u2", " max_db_connections=2", {}, ""), ("a", "u2", "", {"max_db_connections": 2}, ""),
             ("b", "u1", "", {"max_user_connections": 2}, ""), ("b", "u1", "", {}, "[users]\nu1 = max_user_connections=2")]
    with server_and_home() as (server, home, at), concurrent.futures.ThreadPoolExecutor() as threads:
        for database, user, options, settings, sections in cases:
            for kind in KINDS:
                with Pooler(kind, home, {"a": at + options, "b": at}, settings, USERS, more=sections) as pooler, \
                        Client(pooler, "a", "u1") as first, Client(pooler, "a", "u1") as second:
                    first.query("BEGIN")
                    second.query("BEGIN")
                    third = threads.submit(one_answer, pooler, database, user)
                    wait_for(lambda: pooler.log().count("login attempt") >= 3, "the third is here")
                    assert backends(server) == 2, (kind, database, user)
                    first.query("COMMIT")
                    assert third.result(60) == ["1"]
                    wait_for(lambda: "closing because: evicted" in pooler.log(), f"{kind} says why a server went")
                    assert second.values("SELECT 1") == ["1"]
                    assert backends(server) <= 2, (kind, database, user)
                wait_for(lambda: backends(server) == 0, "its servers are gone")


def test_too_many_clients_of_a_database_or_a_user():
    """PgBouncer 1.18 knows neither limit: this follows the documentation of 1.25."""
    cases = [("a", "u2", " max_db_client_connections=1", {}, "", "max_db_client_connections"),
             ("a", "u2", "", {"max_db_client_connections": 1}, "", "max_db_client_connections"),
             ("b", "u1", "", {"max_user_client_connections": 1}, "", "max_user_client_connections"),
             ("b", "u1", "", {}, "[users]\nu1 = max_user_client_connections=1", "max_user_client_connections")]
    with server_and_home() as (_, home, at):
        for database, user, options, settings, sections, key in cases:
            with Pooler("ours", home, {"a": at + options, "b": at}, settings, USERS, more=sections) as pooler:
                with Client(pooler, "a", "u1"):
                    assert told(pooler, database, user) == f"client connections exceeded ({key})"
                    assert told(pooler, "b", "u3") is None
                wait_for(lambda: told(pooler, database, user) is None, "the one who left makes room")


def errors_of_query(client, sql):
    client.send(client.message(b"Q", sql.encode() + b"\0"))
    return errors_in(client.until(b"ZE"))


def test_0_of_one_leaves_the_limit_of_all():
    """0 of a database or a user is no limit of its own."""
    shared = [(" max_db_connections=0", {"max_db_connections": 1}, ""), (" max_db_connections=-1", {"max_db_connections": 1}, ""),
              ("", {"max_user_connections": 1}, "[users]\nu1 = max_user_connections=0")]
    with server_and_home() as (_, home, at):
        for options, settings, sections in shared:
            for kind in KINDS:
                with Pooler(kind, home, {"a": at + options}, {**settings, "query_wait_timeout": 1}, USERS, more=sections) as pooler, \
                        Client(pooler, "a", "u1") as first, Client(pooler, "a", "u1") as second:
                    first.query("BEGIN")
                    assert errors_of_query(second, "SELECT 1") == ["query_wait_timeout"], (kind, options, settings)
        # Of these 1.18 knows none: this follows the documentation of 1.25.
        none = "[users]\nu1 = max_user_client_connections=0 query_timeout=0 idle_transaction_timeout=0 client_idle_timeout=0"
        for options, key in ((" max_db_client_connections=0", "max_db_client_connections"), ("", "max_user_client_connections")):
            with Pooler("ours", home, {"a": at + options}, {key: 1}, USERS, more=none) as pooler, Client(pooler, "a", "u1"):
                assert told(pooler, "a", "u1") == f"client connections exceeded ({key})"
        with Pooler("ours", home, {"a": at + " server_lifetime=0"}, {"query_timeout": 1}, USERS, more=none) as pooler, Client(pooler, "a", "u1") as client:
            assert len({client.values("SELECT pg_backend_pid()")[0] for _ in range(5)}) == 1
            assert errors_of_query(client, "SELECT pg_sleep(60)") == ["query timeout"]
        with Pooler("ours", home, {"a": at}, {"client_idle_timeout": 1}, USERS, more=none) as pooler, Client(pooler, "a", "u1") as client:
            assert errors_in(client.until(b"E")) == ["client_idle_timeout"]


def test_a_size_of_0_is_no_limit():
    """pool_size and default_pool_size: after the documentation of 1.24; in 1.18 nobody works then."""
    with server_and_home() as (server, home, at):
        cases = [("", {"default_pool_size": 0}, ""), (" pool_size=0", {"default_pool_size": 1}, ""), ("", {"default_pool_size": 1}, "[users]\nu1 = pool_size=0")]
        for options, settings, sections in cases:
            databases = {"a": at + options + " min_pool_size=2"}
            settings = {**settings, "admin_users": "u1", "reserve_pool_size": 1, "reserve_pool_timeout": 1}
            with Pooler("ours", home, databases, settings, USERS, more=sections) as pooler, contextlib.ExitStack() as stack:
                clients = [stack.enter_context(Client(pooler, "a", "u1")) for _ in range(25)]
                wait_for(lambda: backends(server) >= 2, "there is what min_pool_size wants")
                for client in clients:
                    client.query("BEGIN")
                assert backends(server) == len(clients)
                for client in clients:
                    client.query("COMMIT")
                assert "reserve_pool" not in pooler.log().split("process up")[1] and "too many servers" not in pooler.log()
                checked = json.loads(pgkeep("pool", "check", pooler.home / "pool.ini", "--offline", "--format", "json").stdout)
                assert not [each for each in checked["warnings"] if "no server" in each], checked
            wait_for(lambda: backends(server) == 0, "its servers are gone")
        # A limit over all pools is shared as fairly as among pools that have a size.
        with Pooler("ours", home, {"a": at}, {"default_pool_size": 0, "max_server_connections": 4}, USERS) as pooler:
            with Busy(pooler, "a", "u1", 6), Busy(pooler, "a", "u2", 6):
                wait_for(lambda: (backends(server, "usename = 'u1'"), backends(server, "usename = 'u2'")) == (2, 2), "two pools have a half each")


def test_limits_of_whoever_logged_in():
    """client_idle_timeout and query_wait_timeout of a user, where the database forces another one on the server: 1.18 knows neither, so this follows 1.25."""
    with server_and_home() as (_, home, at):
        databases = {"forced": at + " user=u2 pool_size=1"}
        sections = "[users]\nu1 = query_wait_timeout=1\nu2 = client_idle_timeout=1 query_wait_timeout=1\n"
        with Pooler("ours", home, databases, {"admin_users": "u3"}, USERS, more=sections) as pooler, contextlib.ExitStack() as stack:
            holder, patient, hasty = [stack.enter_context(Client(pooler, "forced", user)) for user in ("u3", "u3", "u1")]
            holder.query("BEGIN")
            patient.send(patient.message(b"Q", b"SELECT 'served'\0"))
            with Console(pooler, "u3") as console:
                wait_for(lambda: console.row("SHOW POOLS", database="forced")["cl_waiting"] == "1", "the first one waits")
            assert errors_of_query(hasty, "SELECT 1") == ["query_wait_timeout"], "behind one who waits longer"
            holder.query("COMMIT")
            assert [kind for kind, _ in patient.until(b"Z")] == [b"T", b"D", b"C", b"Z"]
            idle = stack.enter_context(Client(pooler, "forced", "u1"))
            ini = pooler.home / "pool.ini"
            ini.write_text(ini.read_text().replace("u1 = query_wait_timeout=1", "u1 = client_idle_timeout=1"))
            pooler.signal(signal.SIGHUP)
            assert errors_in(idle.until(b"E")) == ["client_idle_timeout"], "of one who is here already"
            assert holder.values("SELECT 1") == ["1"] and patient.values("SELECT 1") == ["1"], "whose user has none"


def test_reserve_pool():
    """reserve_pool_size after reserve_pool_timeout, of all and of a database (there by its old name as well)."""
    cases = [("", {"reserve_pool_size": 1}, KINDS), (" reserve_pool=1", {}, KINDS), (" reserve_pool_size=1", {}, ("ours",))]  # 1.18 knows the old name only.
    with server_and_home() as (server, home, at), concurrent.futures.ThreadPoolExecutor() as threads:
        for options, settings, kinds in cases:
            for kind in kinds:
                databases = {"a": at + " pool_size=1" + options}
                with Pooler(kind, home, databases, {"reserve_pool_timeout": 1, **settings}, USERS) as pooler, Client(pooler, "a", "u1") as first:
                    first.query("BEGIN")
                    assert threads.submit(one_answer, pooler, "a", "u1").result(60) == ["1"], kind
                    wait_for(lambda: "taking connection from reserve_pool" in pooler.log(), f"{kind} says so")
                    assert backends(server) == 2
                wait_for(lambda: backends(server) == 0, "its servers are gone")
        # Of one user: PgBouncer 1.18 does not know it.
        with Pooler("ours", home, {"a": at}, {"reserve_pool_timeout": 1}, USERS, more="[users]\nu1 = pool_size=1 reserve_pool_size=1") as pooler:
            with Client(pooler, "a", "u1") as first, Client(pooler, "a", "u1") as second:
                first.query("BEGIN")
                assert second.values("SELECT 1") == ["1"]
                wait_for(lambda: "taking connection from reserve_pool" in pooler.log(), "it says so")


def test_min_pool_size():
    """Pools of a forced user have it without clients, others while there is a client; what is idle stays open up to that number."""
    with server_and_home() as (server, home, at):
        for kind in KINDS:
            databases = {"forced": at + " user=u1 min_pool_size=3", "free": at, "marker": at + " min_pool_size=0"}
            settings = {"min_pool_size": 2, "server_idle_timeout": 1, "server_check_delay": 0}
            with Pooler(kind, home, databases, settings, USERS) as pooler:
                if kind == "ours":  # 1.18 does not: this follows the documentation of 1.25.
                    wait_for(lambda: backends(server, "usename = 'u1'") == 3, "a pool that nobody uses is filled")
                with Client(pooler, "free", "u2"):
                    wait_for(lambda: backends(server, "usename = 'u2'") == 2, "a pool with a client is filled")
                    with contextlib.ExitStack() as stack:
                        more = [stack.enter_context(Client(pooler, "free", "u2")) for _ in range(3)]
                        for client in more:
                            client.query("BEGIN")
                        assert backends(server, "usename = 'u2'") >= 3
                    one_answer(pooler, "marker", "u3")
                    wait_for(lambda: backends(server, "usename = 'u3'") == 0, "an idle server went")
                    wait_for(lambda: backends(server, "usename = 'u2'") == 2, "the others stay")
                assert backends(server, "usename = 'u1'") == (3 if kind == "ours" else 0), kind
            wait_for(lambda: backends(server) == 0, "its servers are gone")


def test_pools_that_nobody_uses_are_forgotten():
    """autodb_idle_timeout of databases that only "*" makes, and the words in the log."""
    with server_and_home() as (_, home, _), Server(15) as other:
        other.psql("CREATE ROLE u1 LOGIN")
        for kind in KINDS:
            settings = {"autodb_idle_timeout": 1, "server_idle_timeout": 1}
            with Pooler(kind, home, {"*": f"host=127.0.0.1 port={other.port}"}, settings, USERS) as pooler:
                assert one_answer(pooler, "postgres", "u1") == ["1"]
                words = "dropping database 'postgres' as it does not exist anymore or inactive auto-database"
                wait_for(lambda: words in pooler.log(), f"{kind} forgets it")
                assert one_answer(pooler, "postgres", "u1") == ["1"]


class Busy:
    """Clients that have a transaction of a few milliseconds after the other."""

    def __init__(self, pooler, database, user, count):
        self.is_over = False
        self.done = [0] * count
        self.threads = [threading.Thread(target=self.work, args=(pooler, database, user, i)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def work(self, pooler, database, user, number):
        with Client(pooler, database, user) as client:
            while not self.is_over:
                client.values("SELECT pg_sleep(0.005)")
                self.done[number] += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(60)


def test_threads_have_nearly_one_queue():
    """Nobody is overtaken by who began to wait more than 250 ms later, whichever thread has them. PgBouncer has one thread, and one queue."""
    with server_and_home() as (server, home, at):
        server.psql("CREATE SEQUENCE turn")
        for kind, overtaken_max_s in (("ours", 0.25), ("pgbouncer", 0)):
            server.psql("ALTER SEQUENCE turn RESTART")
            settings = {"default_pool_size": 1, "admin_users": "postgres"}
            with Pooler(kind, home, {"app": at}, settings, f'{USERS}"postgres" ""\n', loops=3) as pooler, Console(pooler) as console, \
                    Client(pooler, "app") as holder, contextlib.ExitStack() as stack:
                clients = [stack.enter_context(Client(pooler, "app")) for _ in range(16)]
                begun = []  # Between these two times each began to wait.

                def waits(count, since_s):
                    row = console.row("SHOW POOLS", database="app")
                    return int(row["cl_waiting"]) == count and int(row["maxwait"]) + int(row["maxwait_us"]) / 1e6 >= since_s

                holder.query("BEGIN")
                for count, client in enumerate(clients, 1):
                    before = time.monotonic()
                    client.send(client.message(b"Q", b"SELECT nextval('turn')::text\0"))
                    wait_for(lambda: waits(count, 0), "it waits")
                    begun.append((before, time.monotonic()))
                    wait_for(lambda: waits(count, count * 0.07), "the next one comes clearly later")
                holder.query("COMMIT")
                turns = [int(client.until(b"Z")[1][1][6:]) for client in clients]
                assert sorted(turns) == list(range(1, 17)), (kind, turns)
                margin_s = 0.02  # A loop looks at the clock once for all that it finds.
                unfair = [(one, other) for one in range(16) for other in range(one, 16)
                          if begun[other][0] - begun[one][1] > overtaken_max_s + margin_s and turns[one] > turns[other]]
                assert not unfair, (kind, turns, unfair)


def test_a_place_is_free_for_every_thread():
    """Where a client goes in the midst of a transaction its server is closed: who waits in another event loop may open one at once, as who waits in
    the same one does. PgBouncer has but one."""
    with server_and_home() as (_, home, at), Pooler("ours", home, {"a": at}, {"default_pool_size": 1}, USERS) as pooler, \
            on_loop(pooler, 0, "a", "u1") as same, on_loop(pooler, 1, "a", "u1") as other:
        waits = {same: [], other: []}
        for _ in range(15):
            for waiter in waits:
                with on_loop(pooler, 0, "a", "u1") as first:
                    first.query("BEGIN")
                    waiter.send(Client.message(b"Q", b"SELECT 1\0"))
                    time.sleep(0.02 + 0.02 * len(waits[waiter]))  # At any time between two rounds of upkeep.
                    start = time.monotonic()
                waiter.until(b"Z")
                waits[waiter].append(time.monotonic() - start)
        median = {client: sorted(each)[len(each) // 2] for client, each in waits.items()}
        assert median[other] < median[same] + 0.06, waits.values()


def test_all_servers_are_shared_fairly():
    """max_server_connections, a key of ours: pools that have work get as many servers each, whoever came first; none is left unused."""
    with server_and_home() as (server, home, at):
        with Pooler("ours", home, {"a": at, "b": at}, {"max_server_connections": 6, "default_pool_size": 6}, USERS) as pooler:
            def shares():
                rows = server.psql("SELECT usename, count(*) FROM pg_stat_activity WHERE usename ~ '^u[123]$' GROUP BY 1 ORDER BY 1")
                assert sum(int(count) for _, count in rows) <= 6, rows
                return {user: int(count) for user, count in rows}

            with Busy(pooler, "a", "u1", 8):
                wait_for(lambda: shares() == {"u1": 6}, "one pool has all places")
                with Busy(pooler, "a", "u2", 8) as second:
                    wait_for(lambda: shares() == {"u1": 3, "u2": 3}, "two pools have a half each")
                    with Busy(pooler, "b", "u3", 1):
                        wait_for(lambda: shares().get("u3") == 1, "who wants one gets one")
                    with Busy(pooler, "b", "u3", 8):
                        wait_for(lambda: shares() == {"u1": 2, "u2": 2, "u3": 2}, "three pools have a third each")
                    before = min(second.done)
                    wait_for(lambda: min(second.done) > before, "nobody starves")
                wait_for(lambda: shares().get("u1") == 6, "what is not wanted any more goes to who wants it")
