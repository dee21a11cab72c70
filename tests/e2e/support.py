"""What every end-to-end test uses: the program, real servers of every version in temporary folders, psql.

Servers run as the account postgres when we are root, on a Unix socket in a short folder, with fsync off. A test owns all that it starts;
close() stops and removes it.
"""
import atexit
import contextlib
import itertools
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import libpq

TOP = pathlib.Path(__file__).resolve().parents[2]
PGKEEP = pathlib.Path(os.environ.get("PGKEEP_BINARY", TOP / "build/release/pgkeep")).absolute()
SERVERS = (TOP / "build/servers").resolve()  # A link where the servers' account cannot reach this checkout.
# Debian's own psql is a script that looks for the newest server: it takes longer than most of what tests ask.
PSQL = shutil.which("psql", path=f"/usr/lib/postgresql/15/bin:{os.environ['PATH']}") or "psql"
ACCOUNT = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def homes():
    """Where folders of tests go: into memory where there is plenty, for ./test writes some twenty GB that nobody will read."""
    memory = pathlib.Path("/dev/shm")
    with contextlib.suppress(OSError):
        if os.access(memory, os.W_OK) and not os.statvfs(memory).f_flag & os.ST_NOEXEC and shutil.disk_usage(memory).free > 8 << 30:
            return memory
    return pathlib.Path("/tmp")


HOMES = homes()


class Skip(Exception):
    """The test cannot look here; the message says why."""


def wait_for(condition, what, limit_s=60):
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit_s} s for: {what}")
        time.sleep(0.05)


def bin_of(major):
    """The folder of that version's binaries."""
    for candidate in (pathlib.Path(f"/usr/lib/postgresql/{major}/bin"), SERVERS / str(major) / "bin"):
        if (candidate / "initdb").exists():
            return candidate
    raise Skip(f"no binaries of PostgreSQL {major}")


def as_account(argv):
    return ["runuser", "-u", ACCOUNT, "--", *argv] if os.geteuid() == 0 else argv


def run(argv, check=True, **options):
    argv = [PSQL, *argv[1:]] if argv[0] == "psql" else argv
    result = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=options.pop("timeout", 300), **options)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def pgkeep(*words, check=True, env=None, **options):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return run([PGKEEP, *words], check=check, env={**clean, **(env or {})}, **options)


def audit(target, *words, check=True):
    """The findings of an audit as JSON."""
    result = pgkeep("audit", target, "--format", "json", "--fail-on", "never", *words, check=check)
    return json.loads(result.stdout)


def of_severity(report, *severities):
    return [f for f in report["findings"] if f["severity"] in severities]


# What these say is true of the machine that happens to run the tests, and no server of ours can mend it.
ABOUT_THE_MACHINE = {"disk-full-soon", "os-overcommit", "os-transparent-huge-pages", "os-swappiness", "os-clock"}


def not_of_the_machine(findings):
    return [f for f in findings if f["rule"] not in ABOUT_THE_MACHINE]


def short(findings):
    return "\n".join(f"{f['severity']} {f['rule']} {f['object']}: {f['message']}" for f in findings)


# Below those that the kernel gives to whoever asks for any (ip_local_port_range), and each once: between free_port() and the server that
# listens there, another test must not come upon the same.
PORTS = itertools.cycle(range(20000, 32000))
for _ in range(os.getpid() * 97 % 12000):
    next(PORTS)


def free_port():
    for port in PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def folder(prefix="pgk"):
    """A folder that the server's account can enter, with a short path."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=HOMES))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Models:
    """Of each version a cluster that no server ever ran on, which tests copy: that takes a tenth of an initdb."""

    def __init__(self):
        self.home = None
        self.lock = threading.Lock()

    def copy(self, major, data):
        with self.lock:
            model = self.made(major)
        run(["cp", "-a", "--reflink=auto", model, data])

    def made(self, major):
        if self.home is None:
            self.home = pathlib.Path(tempfile.mkdtemp(prefix="pgkmodel-", dir=HOMES))
            atexit.register(shutil.rmtree, self.home, ignore_errors=True)
            if os.geteuid() == 0:
                shutil.chown(self.home, ACCOUNT)
        model = self.home / str(major)
        if not model.exists():
            run(as_account([bin_of(major) / "initdb", "-D", model, "-U", "postgres", "-A", "trust", "--no-sync", "--data-checksums",
                            "--encoding=UTF8", "--locale=C.UTF-8"]))
        return model


MODELS = Models()


class Server:
    """A cluster of its own."""

    sessions = None

    def __init__(self, major, settings=None):
        self.major = major
        self.bin = bin_of(major)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"pgk{major}-", dir=HOMES))
        if os.geteuid() == 0:
            shutil.chown(self.home, ACCOUNT)
        self.home.chmod(0o755)
        self.data = self.home / "data"
        self.port = free_port()
        MODELS.copy(major, self.data)
        base = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.home), "port": self.port, "fsync": "off",
                "shared_buffers": "64MB", "max_prepared_transactions": 5}
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for name, value in {**base, **(settings or {})}.items():
                conf.write(f"{name} = '{value}'\n")
        self.start()

    def control(self, *words):
        """pg_ctl; its output goes nowhere, for a server that it starts would keep our pipe open."""
        argv = as_account([self.bin / "pg_ctl", "-D", self.data, "-w", "-t", "60", *words])
        return subprocess.run([str(a) for a in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120).returncode

    def start(self):
        if self.control("-l", self.home / "log", "start") != 0:
            raise AssertionError((self.home / "log").read_text()[-2000:])

    def stop(self):
        self.control("-m", "fast", "stop")

    def kill(self):
        """kill -9 of the postmaster and all that it has: as if at one moment, so no backend says that the postmaster is gone."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]
        for number, process in itertools.product((signal.SIGSTOP, signal.SIGKILL), processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def restart(self):
        self.stop()
        self.start()

    def uri(self, database="postgres", user="postgres"):
        return f"postgresql:///{database}?host={self.home}&port={self.port}&user={user}"

    def psql(self, sql, database="postgres", user="postgres", check=True):
        """What `psql -c` would show: rows as lists of texts."""
        rows, error = self.asked(sql, self.uri(database, user))
        if check and error:
            raise AssertionError(f"{sql}: {error}\n{rows}")
        return rows

    @contextlib.contextmanager
    def kept_sessions(self):
        """Until the end psql() asks over one connection a database and user, with settings as they are at first: for tests that ask much."""
        self.sessions = {}
        try:
            yield
        finally:
            for session in self.sessions.values():
                session.close()
            self.sessions = None

    def asked(self, sql, uri):
        if self.sessions is None:
            with libpq.Session(uri) as session:
                return session.ask(sql)
        if uri not in self.sessions:
            self.sessions[uri] = libpq.Session(uri)
        answer = self.sessions[uri].ask(sql)
        self.sessions[uri].ask("RESET ALL")
        return answer

    def create_database(self, name, template="template0"):
        """By copying files, in half the time; 14 knows no other way."""
        self.psql(f"CREATE DATABASE {name} TEMPLATE {template}" + (" STRATEGY file_copy" if self.major >= 15 else ""))

    def psql_file(self, path, database="postgres", check=True):
        return run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", self.uri(database), "-f", path], check=check, timeout=600)

    def close(self):
        self.stop()
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Standby(Server):
    """A streaming standby of the server; it is closed before that one."""

    def __init__(self, primary):
        self.major = primary.major
        self.bin = primary.bin
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"pgk{self.major}s-", dir=HOMES))
        if os.geteuid() == 0:
            shutil.chown(self.home, ACCOUNT)
        self.home.chmod(0o755)
        self.data = self.home / "data"
        self.port = free_port()
        run(as_account([self.bin / "pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", primary.uri()]))
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"port = {self.port}\nunix_socket_directories = '{self.home}'\n")
        self.start()
