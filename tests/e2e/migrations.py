"""Folders of migrations for tests, and `pgkeep migrate` on them."""
import contextlib
import json
import os
import shutil
import subprocess

from support import ACCOUNT, PGKEEP, Server, Skip, as_account, folder, free_port, pgkeep, wait_for


class Shop:
    """A server with a database, and a folder of migrations for it."""

    def __init__(self, server, path, database="shop"):
        self.server = server
        self.path = path
        self.database = database
        self.uri = server.uri(database)

    def write(self, name, text, reason=True):
        (self.path / name).write_text(("-- A test needs it.\n" if reason else "") + text + "\n")

    def migrate(self, *words, check=True, target=None, **options):
        return pgkeep("migrate", words[0], *words[1:], "--dir", self.path, target or self.uri, check=check, **options)

    def psql(self, sql, check=True, user="postgres"):
        return self.server.psql(sql, self.database, user=user, check=check)

    def value(self, sql):
        return self.psql(sql)[0][0]

    def status(self):
        return json.loads(self.migrate("status", "--format", "json").stdout)

    def start(self, *words, target=None):
        """The same in the background."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        argv = [PGKEEP, "migrate", words[0], *words[1:], "--dir", self.path, target or self.uri]
        return subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean)

    def session(self, *statements):
        """A psql that runs the statements and keeps its transaction open until it is closed."""
        process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", self.uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        for statement in statements:
            process.stdin.write(statement + ";\n")
        process.stdin.write("SELECT 'ready';\n")
        process.stdin.flush()
        while process.stdout.readline().strip() != "ready":
            assert process.poll() is None, "psql ended"
        return process

    @staticmethod
    def close(process):
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait(timeout=30)


@contextlib.contextmanager
def shop(major=15, settings=None):
    with folder("pgkmig-") as path, Server(major, settings) as server:
        server.create_database("shop")
        migrations = path / "migrations"
        migrations.mkdir()
        yield Shop(server, migrations)


@contextlib.contextmanager
def pooler(s):
    """PgBouncer in transaction mode in front of the shop; its URI."""
    binary = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        raise Skip("pgbouncer is not installed")
    port = free_port()
    home = s.server.home
    conf = home / "pgbouncer.ini"
    conf.write_text(f"""[databases]
shop = host={home} port={s.server.port} dbname=shop user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
logfile = {home}/pgbouncer.log
pidfile = {home}/pgbouncer.pid
""")
    process = subprocess.Popen([str(word) for word in as_account([binary, "-q", conf])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    uri = f"postgresql://{ACCOUNT}@127.0.0.1:{port}/shop"
    try:
        wait_for(lambda: subprocess.run(["psql", "-X", "-d", uri, "-c", "SELECT 1"], capture_output=True).returncode == 0, "pgbouncer answers")
        yield uri
    finally:
        process.terminate()
        process.wait(timeout=30)
