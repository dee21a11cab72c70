"""pgkeep pool under abuse: see abusers.py for what clients do. Meanwhile backends are ended and killed, the server is killed as a whole, the files
are read again, an administrator pauses and kills, and another process takes over. No answer may reach another client, no cancel request another
query, no connection may leak, and the server never counts more of them than the pools have places.
"""
import contextlib
import itertools
import os
import random
import signal
import threading
import time

from abusers import COUNTERS, SEED, Abuser
from certificates import FOR_CLIENTS, Certificates
from pooler import IS_SANITIZED, Client, Console, Pooler, memory_kb, must_be_below
from support import Server, folder, wait_for

POOL_SIZES = {"app": 6, "session": 12, "statement": 4}  # The databases, after the modes of their pools.
# What only ours has: a client's settings and what it holds are its own, what it listens to comes to nobody else, what lost is said again.
BEYOND = {"keep_session_settings": 1, "pin_sessions": 1, "share_listen": 1, "retry_serialization_failures": 3}
CLIENTS_OF_THE_POOLERS = "backend_type = 'client backend' AND datname = ANY ('{app,session,statement}')"
MEMORY_MAX_KB = 150_000
# Backends of a pool that the pooler has closed and that have not found out yet: so many at most, and none for longer.
CLOSED_MAX = 10
CLOSED_S_MAX = 10
# A fraction of what happens on two cores that others use as well.
ANSWERS_PER_S_MIN = 1 if IS_SANITIZED else 10


class Abuse:
    """A server, a pooler before it, and what happens to both."""

    def __init__(self, stack, clients, is_beyond, has_tls):
        self.is_beyond, self.chance, self.former, self.memory_kb = is_beyond, random.Random(SEED), [], 0
        self.closed_since, self.looks, self.looks_well, self.is_watching = {name: {} for name in POOL_SIZES}, 0, 0, threading.Lock()
        self.server = stack.enter_context(Server(15, {"max_connections": 100}))
        home = stack.enter_context(folder())
        for name in POOL_SIZES:
            self.server.create_database(name)
            self.server.psql("CREATE TABLE heap (i int, t text); CREATE TABLE counters (id int PRIMARY KEY, n bigint); "
                             f"INSERT INTO counters SELECT i, 0 FROM generate_series(0, {COUNTERS - 1}) i", name)
            self.server.psql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
        settings = {"max_client_conn": 2 * clients, "server_login_retry": 1, "server_lifetime": 5, "client_login_timeout": 10, "transaction_timeout": 20,
                    "client_idle_timeout": 20, "query_wait_timeout": 60, "admin_users": "postgres", "max_prepared_statements": 200,
                    "tcp_defer_accept": 0, **(BEYOND if is_beyond else {})}  # Else the kernel keeps those who say nothing, for a minute and more.
        self.made = Certificates(home) if has_tls else None
        if self.made:
            self.made.secure(self.server)
            settings.update({**FOR_CLIENTS, "server_tls_sslmode": "require"})
        host = "127.0.0.1" if self.made else self.server.home
        modes = {name: "transaction" if name == "app" else name for name in POOL_SIZES}
        # The one that listens for a database (share_listen) has no place of a pool, but one of the database.
        databases = {name: f"host={host} port={self.server.port} pool_mode={modes[name]} pool_size={size} max_db_connections={size}"
                     for name, size in POOL_SIZES.items()}
        files = self.made.files() if self.made else None
        self.pooler = stack.enter_context(Pooler("ours", home, databases, settings, '"postgres" ""\n', files, loops=3))

    def backends(self):
        """The process ids of each database; none where the server is not there."""
        rows = self.server.psql(f"SELECT datname, pid FROM pg_stat_activity WHERE {CLIENTS_OF_THE_POOLERS}", check=False)
        return {name: {pid for database, pid in rows if database == name} for name in POOL_SIZES}

    @staticmethod
    def servers(console):
        """What the pooler says that it has: of each database the connections by their number, with the backend's process id. What carries a cancel request
        has a client from its start, and no place in a pool.
        """
        rows = [row for row in console.rows("SHOW SERVERS") if row["state"] != "active_cancel" and not (row["state"] == "new" and row["link"])]
        return {name: {row["id"]: row["remote_pid"] for row in rows if row["database"] == name} for name in POOL_SIZES}

    def must_be_within_limits(self):
        """At any moment. A loop tells what it has when it is asked, one after the other: what two answers have in common was there at once.
        A backend whose connection the pooler has closed needs a moment to find out, and is nobody's any more: it gets that, and no more. A process that
        another took over from has its own servers until its last client leaves.
        """
        self.former = [process for process in self.former if process.poll() is None]
        with Console(self.pooler) as console:
            answers = [self.servers(console), self.servers(console)]
            backends, now = self.backends(), time.monotonic()
            answers.append(self.servers(console))
        for name, size in POOL_SIZES.items():
            for one, next_one in itertools.pairwise(answer[name] for answer in answers):
                assert len(one.keys() & next_one.keys()) <= size, (name, one, next_one)
            known = [set(answer[name].values()) for answer in answers]
            assert len(backends[name] & known[1] & known[2]) <= size, (name, backends[name], known)
            closed = backends[name] - set().union(*known)
            assert len(closed) <= size * len(self.former) + CLOSED_MAX, (name, closed)
            self.closed_since[name] = {} if self.former else {pid: self.closed_since[name].get(pid, now) for pid in closed}
            assert all(now - since < CLOSED_S_MAX for since in self.closed_since[name].values()), (name, now, self.closed_since[name], known)

    def is_all_known(self):
        """Whether every backend is that of a server that the pooler has."""
        with Console(self.pooler) as console:
            backends, servers = self.backends(), self.servers(console)
        return all(backends[name] <= set(servers[name].values()) for name in POOL_SIZES)

    def watch(self, has_ended, problems):
        """Looks on and on, whatever else happens."""
        while not has_ended.wait(0.1):
            self.looks += 1
            try:
                with self.is_watching:
                    self.must_be_within_limits()
                self.looks_well += 1
            except (ConnectionError, TimeoutError):
                pass  # It may be one client too many.
            except Exception as problem:  # noqa: BLE001: whatever it is, the soak has failed.
                problems.append(("beyond a limit", problem))

    def look(self):
        assert self.pooler.process.poll() is None, self.pooler.log()[-6000:]
        self.memory_kb = max(self.memory_kb, memory_kb(self.pooler.pid()))

    def administer(self):
        """What an administrator may do at any time. It may be one client too many, and it may be told that somebody else did something."""
        ini = self.pooler.home / "pool.ini"
        few, many = "max_prepared_statements = 0", "max_prepared_statements = 200"
        ini.write_text(ini.read_text().replace(many, few) if self.chance.random() < 0.5 else ini.read_text().replace(few, many))
        orders = (["RELOAD"], ["RECONNECT"], ["PAUSE app", "RESUME app"], ["PAUSE session"], ["KILL app"], ["DISABLE statement"], ["SUSPEND", "RESUME"])
        with contextlib.suppress(ConnectionError, TimeoutError), Console(self.pooler) as console:
            for sql in self.chance.choice(orders):
                console.client.socket.settimeout(3 if sql == "PAUSE session" else 60)  # It waits for sessions, which last longer.
                console.ask(sql)
        self.let_go_on()

    def let_go_on(self):
        def is_done():
            with contextlib.suppress(ConnectionError), Console(self.pooler) as console:
                for sql in ("RESUME", "RESUME app", "RESUME session", "ENABLE statement"):
                    with contextlib.suppress(ConnectionError):  # Nothing was paused.
                        console.ask(sql)
                for sql in ("SHOW CLIENTS", "SHOW SERVERS", "SHOW STATS"):
                    console.ask(sql)
                return True
            return False
        wait_for(is_done, "an administrator lets all go on")

    def end_backend(self):
        self.server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {CLIENTS_OF_THE_POOLERS} ORDER BY random() LIMIT 1", check=False)

    def kill_backend(self):
        """kill -9: the server starts anew by itself."""
        victim = self.server.psql(f"SELECT pid FROM pg_stat_activity WHERE {CLIENTS_OF_THE_POOLERS} LIMIT 1", check=False)
        if victim:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(victim[0][0]), signal.SIGKILL)
            wait_for(lambda: self.server.psql("SELECT 1", check=False), "the server is back")

    def kill_server(self):
        """kill -9 of all that it has."""
        self.server.kill()
        wait_for(lambda: self.server.control("-l", self.server.home / "log", "start") == 0, "the server is back")

    def take_over(self):
        with self.is_watching:  # Who does not know of the former one would count its servers as closed.
            self.former.append(self.pooler.take_over())

    def must_be_whole(self):
        """When all clients have gone: every place is there, and nothing of anybody in it."""
        for process in self.former:
            assert process.wait(60) == 0, self.pooler.log()[-6000:]
        for name, size in POOL_SIZES.items():
            with contextlib.ExitStack() as stack:
                left = [stack.enter_context(Client(self.pooler, name)) for _ in range(size if name != "statement" else 1)]
                assert all(client.values("SELECT 1") == ["1"] for client in left), name
                if name != "statement":
                    assert all(client.query("BEGIN")[-1] == (b"Z", b"T") for client in left), f"every place of {name} is there"
        with Console(self.pooler) as console:
            busy = [f"{kind}_{state}" for kind, states in (("cl", ("active", "waiting", "active_cancel_req", "waiting_cancel_req")),
                                                           ("sv", ("active", "active_cancel", "being_canceled"))) for state in states]
            wait_for(lambda: all(row[name] == "0" for row in console.rows("SHOW POOLS") if row["database"] in POOL_SIZES for name in busy),
                     "nobody has a server")
        assert self.looks_well > self.looks / 2, (self.looks_well, self.looks)
        self.must_be_within_limits()
        wait_for(self.is_all_known, "no connection leaked")
        must_be_below(MEMORY_MAX_KB, self.memory_kb)
        wait_for(lambda: self.server.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[0][0] == "0", "every lock went with its client")


def must_have_counted(abuse, abusers):
    """What clients were told has happened, and nothing twice."""
    told, perhaps = sum(abuser.counted for abuser in abusers), sum(abuser.perhaps_counted for abuser in abusers)
    counted = sum(int(abuse.server.psql("SELECT sum(n) FROM counters", name)[0][0]) for name in POOL_SIZES)
    assert told <= counted <= told + perhaps, (told, counted, perhaps)


def soak(seconds, clients, is_beyond=False, has_tls=False, kills_server_every_s=None):
    """has_tls: servers, and every other client. Where servers are killed, another process takes over in the middle, too."""
    with contextlib.ExitStack() as stack:
        abuse = Abuse(stack, clients, is_beyond, has_tls)
        problems = []
        abusers = [Abuser(abuse.pooler, number, problems, {7: "session", 3: "statement"}.get(number % 16, "app"), is_beyond,
                          abuse.made.context() if abuse.made and number % 2 else None, is_hostile=number % 8 == 0) for number in range(clients)]
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=abuser.run, args=(end,)) for abuser in abusers]
        have_ended = threading.Event()
        watcher = threading.Thread(target=abuse.watch, args=(have_ended, problems))
        for thread in [*threads, watcher]:
            thread.start()
        disasters = [abuse.kill_server, abuse.take_over, abuse.kill_backend]
        next_disaster = time.monotonic() + (kills_server_every_s or 2 * seconds)
        try:
            while any(thread.is_alive() for thread in threads):
                threads[0].join(1)
                abuse.look()
                abuse.administer()
                abuse.end_backend()
                abuse.pooler.signal(signal.SIGHUP)
                if time.monotonic() > next_disaster and time.monotonic() < end:
                    next_disaster += kills_server_every_s
                    disasters.append(disasters.pop(0))
                    disasters[-1]()
        finally:
            for thread in threads:
                thread.join()
            have_ended.set()
            watcher.join()
        assert not problems, (SEED, len(problems), problems[:5])
        answers = [abuser.answers for abuser in abusers]
        assert sum(answers) > ANSWERS_PER_S_MIN * seconds and answers.count(0) < clients / 4, answers
        must_have_counted(abuse, abusers)
        abuse.must_be_whole()
        print(f"soak: {clients} clients, {sum(abuser.queries for abuser in abusers)} nonces, {sum(answers)} whole answers, "
              f"{sum(abuser.counted for abuser in abusers)} counted, {abuse.looks_well} looks, "
              f"{abuse.pooler.log().count('process up')} processes, {abuse.memory_kb} kB at most", flush=True)


def test_soak_for_seconds():
    soak(8, 48)


def test_soak_for_seconds_with_what_is_ours():
    soak(8, 32, is_beyond=True)


def test_soak_through_tls():
    soak(8, 48, has_tls=True)


def long_pool_soak():
    """All at once. Sanitized programs are slow: ./test --long gives them less of it."""
    soak(int(os.environ.get("PGKEEP_SOAK_SECONDS", "600")), int(os.environ.get("PGKEEP_SOAK_CLIENTS", "500")), is_beyond=True, has_tls=True,
         kills_server_every_s=20)


def long_pool_soak_of_what_pgbouncer_has():
    soak(int(os.environ.get("PGKEEP_SOAK_SECONDS", "600")) // 2, int(os.environ.get("PGKEEP_SOAK_CLIENTS", "500")) // 2, kills_server_every_s=20)


SLOW = ["test_soak_for_seconds", "test_soak_through_tls", "test_soak_for_seconds_with_what_is_ours"]
