"""pgkeep pool: what an entry of [databases] or [users] says of its own, beside PgBouncer 1.18 with the same ini file. Sizes and limits of connections are in
test_pool_limits.py, hosts in test_pool_hosts.py, how secrets are asked for in test_pool_auth.py.
"""
import contextlib
import itertools

from pooler import KINDS, Client, Console, Pooler, errors_in
from support import Server, folder, wait_for

# The timeouts that both all users and one may have, and what is done, and told, that takes too long.
TIMEOUTS = {"query_timeout": "query timeout", "query_wait_timeout": "query_wait_timeout", "idle_transaction_timeout": "idle transaction timeout",
            "transaction_timeout": "transaction timeout", "client_idle_timeout": "client_idle_timeout"}


@contextlib.contextmanager
def server_and_home():
    with Server(15) as server, folder() as home:
        yield server, home, f"host=127.0.0.1 port={server.port} dbname=postgres"


def opened(kind, home, databases, settings=None, users=("postgres",), entries=None):
    """entries: of [users]."""
    more = "\n".join(["[users]", *(f"{name} = {options}" for name, options in (entries or {}).items())])
    return Pooler(kind, home, databases, settings, "".join(f'"{name}" ""\n' for name in users), more=more)


def test_what_a_database_asks_of_its_servers():
    """timezone, datestyle, client_encoding, application_name: of clients that ask for nothing else; whoever does gets what he wants, from the same server."""
    cases = [("timezone", "Asia/Tokyo", "Asia/Tokyo", "TimeZone", "UTC", "UTC"), ("datestyle", "German", "German, DMY", "DateStyle", "ISO, MDY", "ISO, MDY"),
             ("client_encoding", "LATIN1", "LATIN1", "client_encoding", "UTF8", "UTF8"), ("application_name", "shop", "shop", "application_name", "mine", "mine")]
    with server_and_home() as (_, home, at):
        databases = {name: f"{at} {name}={value} pool_size=1" for name, value, *_ in cases}
        for kind in KINDS:
            with Pooler(kind, home, {**databases, "plain": at}, {}, '"postgres" ""\n') as pooler, Client(pooler, "plain") as plain:
                for name, _, shown, reported, own, own_shown in cases:
                    with Client(pooler, name) as client, Client(pooler, name, parameters={name: own}) as other:
                        assert client.parameters[reported] == shown and other.parameters[reported] == own_shown, (kind, name)
                        for _ in range(3):
                            assert client.values(f"SHOW {name}") == [shown] and other.values(f"SHOW {name}") == [own_shown], (kind, name)
                        assert client.values("SELECT pg_backend_pid()") == other.values("SELECT pg_backend_pid()"), (kind, name)
                    assert plain.values(f"SHOW {name}") != [shown], (kind, name)


def test_a_query_for_each_new_server():
    """connect_query: once for each server, before a client has it; that it fails is nobody's error."""
    with server_and_home() as (server, home, at):
        server.psql("CREATE SEQUENCE opened")
        for kind in KINDS:
            server.psql("ALTER SEQUENCE opened RESTART")
            databases = {"app": at + " pool_size=2 connect_query='SELECT nextval(''opened''), set_config(''work_mem'', ''9MB'', false)'",
                         "wrong": at + " connect_query='SELECT nonsense'"}
            with Pooler(kind, home, databases, {}, '"postgres" ""\n') as pooler, Client(pooler, "app") as one, Client(pooler, "app") as other, \
                    Client(pooler, "wrong") as client:
                one.query("BEGIN")
                assert one.values("SHOW work_mem") == other.values("SHOW work_mem") == ["9MB"], kind
                one.query("COMMIT")
                for _ in range(3):
                    assert one.values("SHOW work_mem") == ["9MB"], kind
                assert server.psql("SELECT last_value FROM opened") == [["2"]], kind
                assert client.values("SELECT 1") == ["1"], kind


def mode_of(pooler, database, user):
    """How servers of that pool, which has one, are shared: as it is seen."""
    with Client(pooler, database, user) as one, Client(pooler, database, user) as other:
        if errors_in(one.query("BEGIN")):
            return "statement"
        one.query("COMMIT")
        other.send(other.message(b"Q", b"SELECT 'mine'\0"))
        other.socket.settimeout(1)
        try:
            assert other.until(b"Z")[-1] == (b"Z", b"I")
            return "transaction"
        except TimeoutError:
            one.close()
            other.socket.settimeout(30)
            assert other.until(b"Z")[-1] == (b"Z", b"I"), "the end of the session makes room"
            return "session"


def test_modes():
    """pool_mode: that of the user, else that of the database, else that of all."""
    modes = ("session", "transaction", "statement")
    with server_and_home() as (server, home, at):
        server.psql("".join(f"CREATE ROLE of_{mode} LOGIN;" for mode in modes))
        databases = {**{f"{mode}_db": f"{at} pool_size=1 pool_mode={mode}" for mode in modes}, "plain": at + " pool_size=1"}
        entries = {f"of_{mode}": f"pool_mode={mode}" for mode in modes}
        for of_all, kind in itertools.product(("session", "transaction"), KINDS):
            with opened(kind, home, databases, {"pool_mode": of_all}, ("postgres", *entries), entries) as pooler:
                assert mode_of(pooler, "plain", "postgres") == of_all, kind
                for mode in modes:
                    assert mode_of(pooler, f"{mode}_db", "postgres") == mode, (kind, of_all)
                    assert mode_of(pooler, "plain", f"of_{mode}") == mode, (kind, of_all)
                assert mode_of(pooler, "statement_db", "of_session") == "session", (kind, of_all)
                assert mode_of(pooler, "session_db", "of_statement") == "statement", (kind, of_all)


def test_how_long_servers_of_a_database_live():
    """server_lifetime of a database, shorter or longer than that of all: 1.18 does not have it there, so this follows the documentation of 1.25."""
    with server_and_home() as (_, home, at):
        for value, of_all in ((1, 3600), (3600, 1)):
            with opened("ours", home, {"own": f"{at} server_lifetime={value}", "plain": at}, {"server_lifetime": of_all}) as pooler:
                long, short = ("plain", "own") if value < of_all else ("own", "plain")
                with Client(pooler, long) as stays, Client(pooler, short) as goes:
                    first = stays.values("SELECT pg_backend_pid()")
                    goes.values("SELECT 1")
                    wait_for(lambda: f"{short}/postgres" in "".join(line for line in pooler.log().splitlines() if "server lifetime over" in line), "it is old")
                    assert stays.values("SELECT pg_backend_pid()") == first


def test_how_long_clients_of_a_database_wait():
    """query_wait_timeout of a database, -1 being none of its own: 1.18 does not have it there, so this follows the documentation of 1.25."""
    with server_and_home() as (_, home, at):
        for of_all, options in ((60, {"short": " query_wait_timeout=1", "long": "", "unset": " query_wait_timeout=-1"}),
                                (1, {"short": "", "long": " query_wait_timeout=60", "unset": " query_wait_timeout=-1"})):
            databases = {name: f"{at} pool_size=1{more}" for name, more in options.items()}
            with opened("ours", home, databases, {"query_wait_timeout": of_all}) as pooler, contextlib.ExitStack() as stack:
                clients = {name: [stack.enter_context(Client(pooler, name)) for _ in range(2)] for name in ("long", "unset", "short")}
                for holder, waiter in clients.values():
                    holder.query("BEGIN")
                    waiter.send(waiter.message(b"Q", b"SELECT 1\0"))
                for name in ("short", "unset") if of_all == 1 else ("short",):
                    assert errors_in(clients[name][1].until(b"E")) == ["query_wait_timeout"], (of_all, name)
                for name in ("long",) if of_all == 1 else ("long", "unset"):
                    clients[name][0].query("COMMIT")
                    assert clients[name][1].until(b"Z")[-1] == (b"Z", b"I"), (of_all, name)


class Patience:
    """A user who does, of all that may take too long, one thing."""

    def __init__(self, pooler, key, user, stack):
        self.client = stack.enter_context(Client(pooler, "app", user))
        if key == "query_wait_timeout":
            self.holder = stack.enter_context(Client(pooler, "app", user))
            self.holder.query("BEGIN")
        if key in ("transaction_timeout", "idle_transaction_timeout"):
            self.client.query("BEGIN")
        self.is_asking = key in ("query_timeout", "transaction_timeout", "query_wait_timeout")
        if self.is_asking:
            self.client.send(self.client.message(b"Q", b"SELECT 'waited', pg_sleep(3)\0"))

    def must_be_told(self, what):
        assert errors_in(self.client.until(b"E")) == [what] and self.client.is_closed(), what

    def must_be_served(self, what):
        if hasattr(self, "holder"):
            self.holder.query("COMMIT")
        messages = self.client.until(b"Z") if self.is_asking else self.client.query("SELECT 'waited'")
        assert not errors_in(messages) and [kind for kind, _ in messages] == [b"T", b"D", b"C", b"Z"], (what, messages)


def test_timeouts_of_a_user():
    """Each timeout of a user, shorter or longer than that of all: 1.18 has none of them there, so this follows the documentation of 1.25."""
    with server_and_home() as (server, home, at):
        users = [f"{who}_{key}" for key in TIMEOUTS for who in ("entry", "none")]
        server.psql("".join(f"CREATE ROLE {user} LOGIN;" for user in users))
        for of_user, of_all, together in ((1, 60, [tuple(TIMEOUTS)]), (60, 1, [(key,) for key in TIMEOUTS])):
            long, short = ("none", "entry") if of_user < of_all else ("entry", "none")
            for keys in together:
                settings = {"default_pool_size": 1, **{key: of_all for key in keys}}
                entries = {f"entry_{key}": f"{key}={of_user}" for key in keys}
                with opened("ours", home, {"app": at}, settings, users, entries) as pooler, contextlib.ExitStack() as stack:
                    patient = {key: Patience(pooler, key, f"{long}_{key}", stack) for key in keys}
                    hasty = {key: Patience(pooler, key, f"{short}_{key}", stack) for key in keys}
                    for key, one in hasty.items():
                        one.must_be_told(TIMEOUTS[key])
                    for key, one in patient.items():
                        one.must_be_served((key, of_user, of_all))


def test_files_that_include_others():
    """%include, where the line is: sections go on in the next file, and what comes later counts. RELOAD reads them too; one that is missing is named."""
    with server_and_home() as (_, home, at):
        files = {"sizes.ini": f"default_pool_size = 3\n[databases]\nmore = {at}\n%include HOME/deep.ini\n", "deep.ini": f"deep = {at} pool_size=7\n"}
        for kind in KINDS:
            with Pooler(kind, home, {"app": at}, {"admin_users": "postgres", "default_pool_size": 5}, '"postgres" ""\n', files,
                        more="%include HOME/sizes.ini\n[users]\npostgres = pool_mode=session") as pooler, Console(pooler) as console:
                def sizes():
                    return {row["name"]: row["pool_size"] for row in console.rows("SHOW DATABASES") if row["name"] != "pgbouncer"}

                assert sizes() == {"app": "3", "more": "3", "deep": "7"}, kind
                assert console.row("SHOW USERS", name="postgres")["pool_mode"] == "session", kind
                with Client(pooler, "deep") as client:
                    assert client.values("SELECT 1") == ["1"], kind
                (pooler.home / "deep.ini").write_text(f"deeper = {at} pool_size=8\n")
                assert console.ask("RELOAD") == "RELOAD" and sizes() == {"app": "3", "more": "3", "deeper": "8"}, kind
                (pooler.home / "deep.ini").unlink()
                console.refusal("RELOAD")  # 1.18 says that it went well.
                wait_for(lambda: "deep.ini" in pooler.log(), f"{kind} says which is missing")
                assert sizes() == {"app": "3", "more": "3", "deeper": "8"}, kind
            try:
                Pooler(kind, home, {"app": at}, more="%include HOME/nothing.ini").close()
                raise AssertionError(f"{kind} started")
            except AssertionError as told:
                assert "nothing.ini" in str(told), (kind, told)
