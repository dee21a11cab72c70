"""What the tests of the pooler use: pgkeep pool and Debian's pgbouncer beside each other, from one ini file, and a client that speaks the
protocol by hand.
"""
import contextlib
import os
import pathlib
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading

from support import ACCOUNT, PGKEEP, Server, Skip, as_account, folder, free_port, wait_for

KINDS = ("ours", "pgbouncer")
PGBOUNCER = shutil.which("pgbouncer", path=f"/usr/sbin:{os.environ['PATH']}")
# Sanitizers keep freed memory back and put marks beside all of it: what such a build takes says nothing.
IS_SANITIZED = PGKEEP.exists() and any(mark in PGKEEP.read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


def memory_kb(pid):
    """0 where there is no such process: another one has taken over."""
    try:
        return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))
    except (OSError, AttributeError):
        return 0


def must_be_below(kb_max, kb):
    assert IS_SANITIZED or 0 < kb < kb_max, f"{kb} kB"


class Pooler:
    """One that runs in a folder of its own, which is its socket's too. kind: ours or pgbouncer; more: sections behind the settings."""

    def __init__(self, kind, home, databases, settings=None, users="", files=None, loops=2, more="", words=()):
        self.kind = kind
        self.home = pathlib.Path(home) / f"{kind}-{free_port()}"
        self.home.mkdir()
        self.port = free_port()
        self.log_path = self.home / "log"
        (self.home / "users").write_text(users)
        for name, text in (files or {}).items():
            (self.home / name).write_text(text.replace("HOME", str(self.home)))
        base = {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": self.home, "auth_type": "trust",
                "auth_file": self.home / "users", "pool_mode": "transaction"}
        lines = ["[databases]", *(f"{name} = {options}" for name, options in databases.items()), "[pgbouncer]",
                 *(f"{key} = {value}" for key, value in {**base, **(settings or {})}.items())]
        ini = self.home / "pool.ini"
        ini.write_text("\n".join([*lines, more]).replace("HOME", str(self.home)) + "\n")
        if kind == "pgbouncer" and PGBOUNCER is None:
            raise Skip("pgbouncer is not installed")
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]  # runuser sets it back to less.
        argv = ["prlimit", f"--nofile={files}", PGBOUNCER, str(ini)] if kind == "pgbouncer" else [str(PGKEEP), "pool", "--loops", str(loops), *words, str(ini)]
        if os.geteuid() == 0:  # Both refuse to run as root.
            for path in [self.home, *self.home.iterdir()]:
                shutil.chown(path, ACCOUNT)
            argv = as_account(argv) if kind == "pgbouncer" else [*argv, "--user", ACCOUNT]
        self.argv = argv
        self.process = self.started(argv)

    def started(self, argv):
        ups = self.log().count("process up") if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        wait_for(lambda: self.log().count("process up") > ups or process.poll() is not None, "the pooler runs")
        assert process.poll() is None, self.log()
        return process

    def take_over(self):
        """Another process of ours serves from now on. Returns the former one, which ends when its clients have left."""
        former = self.process
        self.process = self.started([*self.argv[:2], "--takeover", *self.argv[2:]])
        return former

    def log(self):
        return self.log_path.read_text(errors="replace")

    def uri(self, database, user="postgres", more=""):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable{more}"

    def pid(self):
        """Of the pooler itself, not of runuser."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children and self.kind == "pgbouncer" else self.process.pid

    def signal(self, number):
        os.kill(self.pid(), number)

    def close(self):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            self.signal(signal.SIGQUIT if self.kind == "ours" else signal.SIGTERM)  # Since 1.23 SIGTERM waits for clients.
        status = self.process.wait(30)
        if self.kind == "ours":  # A sanitizer says here what it found.
            assert status == 0, self.log()[-6000:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def each_kind(settings=None, kinds=KINDS, **options):
    """One pooler after the other in front of the same server, whose database postgres is their app; before the next one comes, nobody is left."""
    with Server(15) as server, folder() as home:
        for kind in kinds:
            address = f"host={server.home} port={server.port} dbname=postgres"
            with Pooler(kind, home, {"app": address}, settings, '"postgres" ""\n', **options) as pooler:
                yield server, pooler
            wait_for(lambda: server.psql(BACKENDS) == [["0"]], f"the servers of {kind} are gone")


class Console:
    """Somebody at the admin console."""

    def __init__(self, pooler, user="postgres", **options):
        self.client = Client(pooler, "pgbouncer", user, **options)

    def ask(self, sql):
        """The tag of what was done; a refusal is raised."""
        return self.answer(self.client.query(sql))

    @staticmethod
    def answer(messages):
        for kind, content in messages:
            if kind == b"E":
                raise ConnectionError(error_text(content))
        return [content[:-1].decode() for kind, content in messages if kind == b"C"][-1]

    def refusal(self, sql):
        try:
            return f"no refusal: {self.ask(sql)}"
        except ConnectionError as told:
            return str(told)

    def columns(self, sql):
        """Names and oids of types."""
        return self.columns_in(self.client.query(sql))

    @staticmethod
    def columns_in(messages):
        for kind, content in messages:
            if kind == b"E":
                raise ConnectionError(error_text(content))
            if kind == b"T":
                break
        else:
            raise ConnectionError("there were no columns")
        at, found = 2, []
        for _ in range(struct.unpack("!H", content[:2])[0]):
            end = content.index(b"\0", at)
            found.append((content[at:end].decode(), struct.unpack("!I", content[end + 7:end + 11])[0]))
            at = end + 19
        return found

    def rows(self, sql):
        """Each row by its columns' names, as text."""
        messages = self.client.query(sql)
        names = [name for name, _ in self.columns_in(messages)]
        found = []
        for kind, content in messages:
            if kind != b"D":
                continue
            at, values = 2, []
            for _ in names:
                length = struct.unpack("!i", content[at:at + 4])[0]
                values.append(None if length < 0 else content[at + 4:at + 4 + length].decode())
                at += 4 + max(length, 0)
            found.append(dict(zip(names, values)))
        return found

    def row(self, sql, **wanted):
        """The one that has these values."""
        return next(row for row in self.rows(sql) if all(row[name] == value for name, value in wanted.items()))

    def send(self, sql):
        """Without waiting for what comes back: see answer()."""
        self.client.send(Client.message(b"Q", sql.encode() + b"\0"))

    def is_answered(self, limit_s=0.2):
        return bool(select.select([self.client.socket], [], [], limit_s)[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()


class Client:
    """A connection by hand: what is sent and what comes back, message by message."""

    def __init__(self, pooler, database="postgres", user="postgres", parameters=None, is_started=True, tls=None):
        """tls: an ssl.SSLContext to talk through, once the pooler has agreed to that."""
        self.socket = socket.create_connection(("127.0.0.1", pooler.port), timeout=30)
        self.buffer = b""
        self.parameters = {}
        if tls is not None:
            self.socket.sendall(struct.pack("!II", 8, 80877103))
            assert self.socket.recv(1) == b"S", "the pooler refused TLS"
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        if is_started:
            self.start(database, user, parameters or {})

    def start(self, database, user, parameters):
        body = struct.pack("!I", 196608)
        for name, value in {"user": user, "database": database, **parameters}.items():
            body += name.encode() + b"\0" + value.encode() + b"\0"
        body += b"\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        for kind, content in self.until(b"ZE"):
            if kind == b"S":
                name, value = content.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            if kind == b"K":
                self.key = content
            if kind == b"E":
                raise ConnectionError(error_text(content))

    @staticmethod
    def message(kind, content=b""):
        return kind + struct.pack("!I", len(content) + 4) + content

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))

    def query(self, sql):
        """Sends it and waits for its end: the messages."""
        self.send(self.message(b"Q", sql.encode() + b"\0"))
        return self.until(b"Z")

    def values(self, sql):
        """The first column of each row, as text; an error is raised."""
        rows = []
        for kind, content in self.query(sql):
            if kind == b"E":
                raise AssertionError(error_text(content))
            if kind == b"D":
                length = struct.unpack("!i", content[2:6])[0]
                rows.append(content[6:6 + length].decode())
        return rows

    def read(self):
        """One message; None at the end of the connection."""
        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack("!I", self.buffer[1:5])[0]:
            try:
                got = self.socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self.buffer += got
        end = 1 + struct.unpack("!I", self.buffer[1:5])[0]
        kind, content, self.buffer = self.buffer[:1], self.buffer[5:end], self.buffer[end:]
        return kind, content

    def until(self, kinds):
        """Messages up to the first of these kinds, or to the end of the connection."""
        seen = []
        while True:
            message = self.read()
            if message is None:
                return seen
            seen.append(message)
            if message[0] in [bytes([kind]) for kind in kinds]:
                return seen

    def is_closed(self, limit_s=10):
        """Whether the pooler ends the connection soon."""
        while True:
            ready, _, _ = select.select([self.socket], [], [], limit_s)
            if not ready:
                return False
            if self.read() is None:
                return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def on_loop(pooler, loop, database="app", user="postgres"):
    """A client of that event loop, which is the first byte of the number that it cancels by. PgBouncer has one."""
    others = []
    try:
        while True:
            client = Client(pooler, database, user)
            if pooler.kind == "pgbouncer" or client.key[0] == loop:
                return client
            others.append(client)
    finally:
        for other in others:
            other.close()


class FakeServer:
    """Speaks as much of a server as it takes to log in and to ask something: every query is answered by the tag SELECT 0. refusal: the SQLSTATE and
    the text of what it says to whoever logs in; may_log_in: not set, nobody is answered; version: what it calls itself. Cancel requests are kept in
    cancels, with their connections."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.refusal = None
        self.version = "16.0"
        self.may_log_in = threading.Event()
        self.may_log_in.set()
        self.cancels = []
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, struct.error), connection.makefile("rb") as stream:
            while True:
                size, code = struct.unpack("!II", stream.read(8))
                rest = stream.read(size - 8)
                if code != 80877103:
                    break
                connection.sendall(b"N")  # It has no TLS.
            if code == 80877102:
                self.cancels.append((rest, connection))
                return
            self.may_log_in.wait()
            if self.refusal:
                code, text = self.refusal
                connection.sendall(Client.message(b"E", b"SFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0"))
                self.end(connection)
                return
            connection.sendall(Client.message(b"R", struct.pack("!I", 0)) + Client.message(b"S", f"server_version\0{self.version}\0".encode()) +
                               Client.message(b"K", struct.pack("!II", 7, 8)) + Client.message(b"Z", b"I"))
            while True:
                kind, size = struct.unpack("!cI", stream.read(5))
                content = stream.read(size - 4)
                if kind == b"Q" and b"sleep" not in content:
                    connection.sendall(Client.message(b"C", b"SELECT 0\0") + Client.message(b"Z", b"I"))

    @staticmethod
    def end(connection):
        """As the end of a process would: also where another thread reads."""
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def lose_all(self):
        """Whoever is connected."""
        for connection in self.connections:
            self.end(connection)
        self.connections.clear()

    def close(self):
        self.end(self.listener)
        self.may_log_in.set()
        self.lose_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def error_fields(content):
    """Of an ErrorResponse, by their letters."""
    return {field[:1].decode(): field[1:].decode() for field in content.split(b"\0") if field}


def error_text(content):
    """The message of an ErrorResponse."""
    return error_fields(content).get("M", "")


def errors_in(messages):
    return [error_text(content) for kind, content in messages if kind == b"E"]
