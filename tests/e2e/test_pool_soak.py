"""pgkeep pool under abuse: every query carries a nonce and every row must return it, while clients cancel, leave in every state of the protocol, fail
and abort COPY, backends are ended at random and the files are read again. No answer may reach another client, no cancel request another query, no
connection may leak, and the server never counts more of them than the pool has places."""
import contextlib
import os
import random
import signal
import socket
import struct
import threading
import time

from certificates import FOR_CLIENTS, Certificates
from pooler import Client, Console, Pooler, error_text, errors_in
from support import Server, folder, wait_for
from test_pool_prepared import EXECUTE, SYNC, bind, describe, parse

POOL_SIZE = 6
# What only ours has: a client's settings and locks are its own, and what it listens to comes to nobody else.
BEYOND = {"keep_session_settings": 1, "pin_sessions": 1, "share_listen": 1, "retry_serialization_failures": 3}
SEED = int(os.environ.get("PGKEEP_SOAK_SEED", "1"))


def rows_in(messages):
    return [content[6:6 + struct.unpack("!i", content[2:6])[0]].decode() for kind, content in messages if kind == b"D"]


class Abuser:
    """One client after another, each with a seeded series of deeds. What must not be is in `problems`."""

    def __init__(self, pooler, number, problems, is_beyond, tls=None):
        self.pooler, self.number, self.problems, self.is_beyond, self.tls = pooler, number, problems, is_beyond, tls
        self.random = random.Random(SEED * 1000 + number)
        self.queries = 0

    def run(self, end):
        deeds = [self.simple] * 4 + [self.extended] * 3 + [self.transaction, self.copy, self.torn, self.left, self.cancelled, self.pipeline,
                                                           self.named, self.named, self.left_in_a_batch, self.left_in_copy_out]
        if self.is_beyond:
            deeds += [self.settings, self.locked, self.listening]
        while time.monotonic() < end:
            try:
                with Client(self.pooler, "app", parameters={"application_name": f"abuser {self.number % 4}"}, tls=self.tls) as client:
                    for _ in range(self.random.randrange(1, 15)):
                        if not self.random.choice(deeds)(client):
                            break
            except TimeoutError:
                self.problems.append((self.number, self.queries, "no answer"))
            except (ConnectionError, OSError):
                pass  # Its backend was ended, or the pooler told it to go.

    def sql(self):
        self.queries += 1
        self.nonce = f"{self.number}-{self.queries}"
        self.rows = self.random.randrange(1, 400)
        return f"SELECT '{self.nonce}', repeat('x', {self.random.randrange(300)}) FROM generate_series(1, {self.rows})"

    def check(self, messages):
        """True: the client can go on."""
        got, errors = rows_in(messages), errors_in(messages)
        is_whole = bool(messages) and messages[-1][0] == b"Z"
        if set(got) - {self.nonce} or any("canceling" in error for error in errors) or (is_whole and not errors and len(got) != self.rows):
            self.problems.append((self.nonce, got[:3], len(got), errors))
        return is_whole

    def simple(self, client):
        return self.check(client.query(self.sql()))

    def extended(self, client):
        client.send(client.message(b"P", b"\0" + self.sql().encode() + b"\0\0\0"), client.message(b"B", b"\0\0\0\0\0\0\0\0"),
                    client.message(b"E", b"\0\0\0\0\0"), client.message(b"S"))
        return self.check(client.until(b"Z"))

    def transaction(self, client):
        client.query("BEGIN")
        if not self.check(client.query(self.sql())):
            return False
        if self.random.random() < 0.5:
            client.query("SELECT 1/0")
        return self.random.random() > 0.3 and bool(client.query("ROLLBACK"))

    def copy(self, client):
        client.send(client.message(b"Q", b"COPY heap FROM STDIN\0"))
        client.until(b"GE")
        client.send(client.message(b"d", b"1\tx\n" * self.random.randrange(1, 3000)))
        if self.random.random() < 0.3:
            return False
        if self.random.random() < 0.5:
            client.send(client.message(b"d", b"bad\n"))
        client.send(client.message(b"c") if self.random.random() < 0.7 else client.message(b"f", b"no\0"))
        return bool(client.until(b"Z"))

    def torn(self, client):
        client.send(client.message(b"Q", self.sql().encode() + b"\0")[:self.random.randrange(1, 40)])
        return False

    def named(self, client):
        """Statements that many share by their text, each with its own nonce."""
        name = f"s{self.random.randrange(4)}"
        self.sql()
        client.send(Client.message(b"C", b"S" + name.encode() + b"\0"),
                    parse(name, f"SELECT $1::text, {self.random.randrange(5)} FROM generate_series(1, $2::text::int)"), describe(name),
                    bind(name, self.nonce, str(self.rows)), EXECUTE, SYNC)
        return self.check(client.until(b"Z"))

    def left_in_a_batch(self, client):
        """After each message of the extended protocol, with and without Flush."""
        self.sql()
        batch = [parse("", f"SELECT '{self.nonce}'"), describe(""), bind(""), EXECUTE, EXECUTE]
        client.send(*batch[:self.random.randrange(1, len(batch))], *([Client.message(b"H")] if self.random.random() < 0.5 else []))
        if self.random.random() < 0.3:
            client.send(SYNC)
        return False

    def left_in_copy_out(self, client):
        client.send(client.message(b"Q", b"COPY (SELECT repeat('x', 1000) FROM generate_series(1, 2000)) TO STDOUT\0"))
        client.until(b"dE")
        return False

    def settings(self, client):
        """What it set is there in every later transaction, and is nobody else's."""
        self.sql()
        client.query(f"SET app.nonce = '{self.nonce}'" if self.random.random() < 0.5 else f"SELECT set_config('app.nonce', '{self.nonce}', false)")
        for _ in range(self.random.randrange(1, 4)):
            messages = client.query("SELECT current_setting('app.nonce', true)")
            got, is_whole = rows_in(messages), bool(messages) and messages[-1][0] == b"Z"
            if is_whole and not errors_in(messages) and got != [self.nonce]:
                self.problems.append((self.nonce, "another's setting", got))
            if not is_whole:
                return False
        return True

    def locked(self, client):
        """A lock of its session: it is in the same server as long as it has it."""
        key = self.number + 1
        pid = rows_in(client.query(f"SELECT pg_backend_pid()::text FROM (SELECT pg_advisory_lock({key})) l"))
        for _ in range(self.random.randrange(3)):
            messages = client.query(f"SELECT pg_backend_pid()::text FROM pg_locks WHERE locktype = 'advisory' AND objid = {key} "
                                    "AND pid = pg_backend_pid()")
            is_whole = bool(messages) and messages[-1][0] == b"Z"
            if is_whole and not errors_in(messages) and rows_in(messages) != pid:
                self.problems.append((self.number, "another's server", rows_in(messages), pid))
            if not is_whole:
                return False
        return self.random.random() > 0.3 and bool(client.query(f"SELECT pg_advisory_unlock({key})"))

    def listening(self, client):
        """It hears its own channel and no other."""
        self.sql()
        if not client.query(f"LISTEN c{self.number}"):
            return False
        client.query(f"NOTIFY c{self.number}, '{self.nonce}'")
        messages = client.query("SELECT 1")
        for kind, content in messages:
            if kind == b"A" and content[4:].split(b"\0")[0].decode() != f"c{self.number}":
                self.problems.append((self.nonce, "another's notification", content))
        return bool(messages) and messages[-1][0] == b"Z" and self.random.random() > 0.5

    def left(self, client):
        client.send(client.message(b"Q", self.sql().encode() + b"\0"))
        return False

    def cancelled(self, client):
        client.send(client.message(b"Q", b"SELECT pg_sleep(0.05)\0"))
        with socket.create_connection(("127.0.0.1", self.pooler.port), timeout=30) as asker:
            asker.sendall(struct.pack("!II", 16, 80877102) + client.key)
            asker.recv(1)
        return bool(client.until(b"Z"))

    def pipeline(self, client):
        self.sql()
        wanted = [f"{self.nonce}/{i}" for i in range(3)]
        client.send(*[client.message(b"Q", f"SELECT '{each}'".encode() + b"\0") for each in wanted])
        messages = [message for _ in wanted for message in client.until(b"Z")]
        got = rows_in(messages)
        if got != wanted[:len(got)]:
            self.problems.append((self.nonce, got, [error_text(content) for kind, content in messages if kind == b"E"]))
        return len(got) == len(wanted)


def administer(pooler, chance):
    """What an administrator may do at any time."""
    ini = pooler.home / "pool.ini"
    ini.write_text(ini.read_text().replace("max_prepared_statements = 200", "max_prepared_statements = 0") if chance.random() < 0.5 else
                   ini.read_text().replace("max_prepared_statements = 0", "max_prepared_statements = 200"))
    with contextlib.suppress(ConnectionError), Console(pooler) as console:  # It may be one client too many.
        for sql in (*chance.choice((["RELOAD"], ["RECONNECT"], ["PAUSE app", "RESUME app"])), "SHOW CLIENTS", "SHOW STATS"):
            console.ask(sql)


def soak(seconds, clients, is_beyond=False, kills_server_every_s=None, has_tls=False):
    """has_tls: servers, and every other client."""
    settings = {"default_pool_size": POOL_SIZE, "max_client_conn": 2 * clients, "server_login_retry": 1, "server_lifetime": 5, "admin_users": "postgres",
                "max_prepared_statements": 200, **(BEYOND if is_beyond else {})}
    others = "backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname IS NOT NULL AND query !~ '^(UN)?LISTEN'"
    with Server(15, {"max_connections": 60}) as server, folder() as home, contextlib.ExitStack() as stack:
        server.psql("CREATE TABLE heap (i int, t text)")
        made = Certificates(home) if has_tls else None
        if made:
            made.secure(server)
            settings.update({**FOR_CLIENTS, "server_tls_sslmode": "require"})
        host = "127.0.0.1" if made else server.home
        pooler = stack.enter_context(Pooler("ours", home, {"app": f"host={host} port={server.port} dbname=postgres"}, settings, '"postgres" ""\n',
                                            made.files() if made else None, loops=3))

        def connections():
            found = server.psql(f"SELECT count(*) FROM pg_stat_activity WHERE {others}", check=False)
            return int(found[0][0]) if found else 0

        end = time.monotonic() + seconds
        next_kill = time.monotonic() + (kills_server_every_s or 0)
        problems = []
        abusers = [Abuser(pooler, number, problems, is_beyond, made.context() if made and number % 2 else None) for number in range(clients)]
        threads = [threading.Thread(target=abuser.run, args=(end,)) for abuser in abusers]
        for thread in threads:
            thread.start()
        chance = random.Random(SEED)
        while any(thread.is_alive() for thread in threads):
            threads[0].join(1)
            # A backend whose connection was closed needs a moment to find out.
            wait_for(lambda: connections() <= POOL_SIZE, "no more connections than places")
            administer(pooler, chance)
            server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others} ORDER BY random() LIMIT 1", check=False)
            pooler.signal(signal.SIGHUP)
            if kills_server_every_s and time.monotonic() > next_kill:  # kill -9: the server starts anew by itself.
                next_kill += kills_server_every_s
                victim = server.psql(f"SELECT pid FROM pg_stat_activity WHERE {others} LIMIT 1", check=False)
                if victim:
                    os.kill(int(victim[0][0]), signal.SIGKILL)
                    wait_for(lambda: server.psql("SELECT 1", check=False), "the server is back")
        assert not problems, (SEED, problems[:5])
        assert sum(abuser.queries for abuser in abusers) > 20 * seconds
        # Every place is there, and nothing of anybody in it.
        left = [Client(pooler, "app") for _ in range(POOL_SIZE)]
        assert all(client.query("BEGIN")[-1] == (b"Z", b"T") for client in left), "every place is there"
        for client in left:
            client.close()
        wait_for(lambda: connections() <= POOL_SIZE, "no connection leaked")
        if is_beyond:
            wait_for(lambda: server.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")[0][0] == "0", "every lock went with its client")


def test_soak_for_seconds():
    soak(8, 48)


def test_soak_for_seconds_with_what_is_ours():
    soak(8, 32, is_beyond=True)


def test_soak_through_tls():
    soak(8, 48, has_tls=True)


def long_pool_soak_through_tls():
    soak(300, 200, has_tls=True, kills_server_every_s=30)


def long_pool_soak():
    soak(600, 500, kills_server_every_s=30)


def long_pool_soak_with_what_is_ours():
    soak(300, 200, is_beyond=True, kills_server_every_s=30)


SLOW = ["test_soak_for_seconds", "test_soak_through_tls", "test_soak_for_seconds_with_what_is_ours"]
