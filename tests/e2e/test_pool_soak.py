"""pgkeep pool under abuse: every query carries a nonce and every row must return it, while clients cancel, leave in the middle, fail and abort COPY,
and backends are ended at random. No answer may reach another client, no cancel request another query, no connection may leak."""
import contextlib
import os
import random
import socket
import struct
import threading
import time

from certificates import FOR_CLIENTS, Certificates
from pooler import Client, Console, Pooler, error_text, errors_in
from support import Server, folder

CLIENTS = 48
POOL_SIZE = 6
SEED = int(os.environ.get("PGKEEP_SOAK_SEED", "1"))


def rows_in(messages):
    return [content[6:6 + struct.unpack("!i", content[2:6])[0]].decode() for kind, content in messages if kind == b"D"]


class Abuser:
    """One client after another, each with a seeded series of deeds. What must not be is in `problems`."""

    def __init__(self, pooler, number, problems, tls=None):
        self.pooler, self.number, self.problems, self.tls = pooler, number, problems, tls
        self.random = random.Random(SEED * 1000 + number)
        self.queries = 0

    def run(self, end):
        deeds = [self.simple] * 4 + [self.extended] * 3 + [self.transaction, self.copy, self.torn, self.left, self.cancelled, self.pipeline]
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


def soak(seconds, has_tls=False):
    """has_tls: servers, and every other client."""
    settings = {"default_pool_size": POOL_SIZE, "max_client_conn": 500, "server_login_retry": 1, "server_lifetime": 5, "admin_users": "postgres",
                "max_prepared_statements": 200}
    others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with Server(15, {"max_connections": 60}) as server, folder() as home, contextlib.ExitStack() as stack:
        server.psql("CREATE TABLE heap (i int, t text)")
        made = Certificates(home) if has_tls else None
        if made:
            made.secure(server)
            settings.update({**FOR_CLIENTS, "server_tls_sslmode": "require"})
        host = "127.0.0.1" if made else server.home
        pooler = stack.enter_context(Pooler("ours", home, {"app": f"host={host} port={server.port} dbname=postgres"}, settings, '"postgres" ""\n',
                                            made.files() if made else None, loops=3))
        end = time.monotonic() + seconds
        problems = []
        abusers = [Abuser(pooler, number, problems, made.context() if made and number % 2 else None) for number in range(CLIENTS)]
        threads = [threading.Thread(target=abuser.run, args=(end,)) for abuser in abusers]
        for thread in threads:
            thread.start()
        chance = random.Random(SEED)
        while any(thread.is_alive() for thread in threads):
            threads[0].join(1)
            administer(pooler, chance)
            server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others} ORDER BY random() LIMIT 1")
        assert not problems, (SEED, problems[:5])
        assert sum(abuser.queries for abuser in abusers) > 20 * seconds
        # Backends of closed connections need a moment to find out; then there are no more than the pool has places.
        clients = [Client(pooler, "app") for _ in range(POOL_SIZE)]
        assert all(client.query("BEGIN")[-1] == (b"Z", b"T") for client in clients), "every place is there"
        for client in clients:
            client.close()
        assert int(server.psql(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")[0][0]) <= POOL_SIZE


def test_soak_for_seconds():
    soak(8)


def test_soak_through_tls():
    soak(8, has_tls=True)


def long_pool_soak_through_tls():
    soak(300, has_tls=True)


def long_pool_soak():
    soak(600)
