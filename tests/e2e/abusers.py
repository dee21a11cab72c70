"""Clients that abuse a pooler: every query carries a nonce and every row must return it, while they cancel, leave in every state of the protocol,
fail, abort COPY and send what is no message at all. What must not be stands in `problems` afterwards.
"""
import contextlib
import os
import random
import socket
import struct
import time

from pooler import Client, error_text, errors_in
from test_pool_prepared import EXECUTE, SYNC, bind, describe, parse

SEED = int(os.environ.get("PGKEEP_SOAK_SEED", "1"))
PATIENCE_S = 90  # Longer than anybody has to wait: see the settings of the soak.
COUNTERS = 8  # Rows that they count in, and get into each other's way.


def rows_in(messages):
    return [content[6:6 + struct.unpack("!i", content[2:6])[0]].decode() for kind, content in messages if kind == b"D"]


class Abuser:
    """One client after another, each with a seeded series of deeds."""

    def __init__(self, pooler, number, problems, database="app", is_beyond=False, tls=None, is_hostile=False):
        """database: app, session or statement, by the mode of its pool; is_hostile: it also comes with what no client says."""
        self.pooler, self.number, self.problems, self.database, self.tls, self.is_hostile = pooler, number, problems, database, tls, is_hostile
        self.random = random.Random(SEED * 1000 + number)
        self.queries = self.answers = self.counted = self.perhaps_counted = 0
        self.deed = ""
        self.deeds = [self.simple] * 4 + [self.extended] * 3 + [self.torn, self.left, self.cancelled, self.pipeline, self.named, self.named,
                                                                self.left_in_a_batch]
        if database != "statement":
            self.deeds += [self.transaction, self.copy, self.left_in_copy_out]
        if database == "session" or is_beyond:
            self.deeds += [self.settings, self.locked, self.listening, self.held]
        if is_beyond:
            self.deeds += [self.conflict] * 2

    def run(self, end):
        while time.monotonic() < end:
            try:
                if self.is_hostile and self.random.random() < 0.1:
                    self.hostile()
                    continue
                self.deed = "came"
                with Client(self.pooler, self.database, parameters={"application_name": f"abuser {self.number % 4}"}, tls=self.tls) as client:
                    client.socket.settimeout(PATIENCE_S)
                    for _ in range(self.random.randrange(1, 15)):
                        deed = self.random.choice(self.deeds)
                        self.deed = deed.__name__
                        if not deed(client):
                            break
            except TimeoutError:
                self.problems.append((self.number, self.queries, "no answer", self.deed))
            except (ConnectionError, OSError):
                pass  # Its backend was ended, or the pooler told it to go.

    def hostile(self):
        """What costs a pooler memory or a place, if it lets it: it must end the connection by itself."""
        startup = struct.pack("!II", 10_001, 196608)
        stream, is_started = self.random.choice((
            (b"\x16\x03\x01\x02\x00\x01" + self.random.randbytes(600), False), (struct.pack("!II", 8, 80877103) + self.random.randbytes(600), False),
            (startup + b"a\0b\0" * 2500, False), (startup[:self.random.randrange(8)], False), (struct.pack("!II", 2_000_000_000, 196608), False),
            (b"P" + struct.pack("!I", 1_000_000_000) + b"s\0SELECT 1", True), (b"Q" + struct.pack("!I", 3), True), (self.random.randbytes(40), False)))
        self.deed = f"was hostile: {stream[:12]}"
        with Client(self.pooler, self.database, is_started=is_started) as client, contextlib.suppress(ConnectionError):
            client.socket.settimeout(PATIENCE_S)
            client.send(stream)
            if self.random.random() < 0.5:
                client.until(b"")

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
        self.answers += is_whole and not errors
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

    def held(self, client):
        """Something that only its own server has: it stays there as long as that lasts."""
        self.sql()
        make, ask, drop = self.random.choice((
            ("CREATE TEMP TABLE mine AS SELECT '{}'::text AS t", "SELECT t FROM mine", "DROP TABLE mine"),
            ("DECLARE mine SCROLL CURSOR WITH HOLD FOR SELECT '{}'::text", "FETCH FIRST FROM mine", "CLOSE mine"),
            ("PREPARE mine AS SELECT '{}'::text", "EXECUTE mine", "DEALLOCATE mine")))
        made = client.query(make.format(self.nonce))
        if errors_in(made) or not made or made[-1][0] != b"Z":
            if any("already exists" in error for error in errors_in(made)):
                self.problems.append((self.nonce, "what another left", errors_in(made)))
            return False
        for _ in range(self.random.randrange(3)):
            messages = client.query(ask)
            if errors_in(messages) or not messages or messages[-1][0] != b"Z":
                if any("does not exist" in error for error in errors_in(messages)):
                    self.problems.append((self.nonce, "what it held is gone", errors_in(messages)))
                return False
            if rows_in(messages) != [self.nonce]:
                self.problems.append((self.nonce, "what another holds", rows_in(messages)))
        return self.random.random() > 0.3 and bool(client.query(drop))

    def conflict(self, client):
        """It counts where others do, and may be said again where it lost: what it is told has happened, and only once."""
        self.sql()
        self.perhaps_counted += 1
        messages = client.query(f"UPDATE counters SET n = n + 1 WHERE id = {self.random.randrange(COUNTERS)} RETURNING '{self.nonce}'")
        is_whole, is_done = bool(messages) and messages[-1][0] == b"Z", b"C" in [kind for kind, _ in messages]
        if is_whole:
            self.perhaps_counted -= 1
        if is_done:
            self.counted += 1
            self.perhaps_counted -= 0 if is_whole else 1
            if rows_in(messages) != [self.nonce]:
                self.problems.append((self.nonce, "another's row", rows_in(messages)))
        return is_whole

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
