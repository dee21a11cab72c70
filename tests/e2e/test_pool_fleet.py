"""pgkeep pool: the clients that people have, each in every mode of pooling (what needs a transaction block is refused in statement mode, as PgBouncer does),
and those that replicate. Debian's pgbouncer 1.18 knows neither named statements in transaction mode nor replication: these follow the manual of 1.25.
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess

from pooler import KINDS, Client, Pooler, errors_in
from support import PSQL, TOP, Server, as_account, bin_of, folder, run, wait_for

FLEET = pathlib.Path(__file__).parent / "fleet"
NODE_PACKAGES = (TOP / "build/clients/node_modules").resolve()
JDBC = "/usr/share/java/postgresql.jar"
PYTHON = "/usr/bin/python3"  # Debian's drivers are for Debian's interpreter.
USERS = '"postgres" ""\n'
MODES = ("session", "transaction", "statement")
NO_BLOCKS = "transaction blocks not allowed in statement pooling mode"
# What drivers say at their start and no pooler tracks.
SETTINGS = {"default_pool_size": 4, "max_client_conn": 200, "ignore_startup_parameters": "extra_float_digits"}


def address(server, name="postgres"):
    return f"host={server.home} port={server.port} dbname={name}"


def says_ok(argv, **options):
    result = run(argv, timeout=120, **options)
    assert result.stdout.splitlines()[-1:] == ["ok"], (argv, result.stdout, result.stderr)


def compile_java(classes):
    """The compiler of Eclipse runs on a Java that has none of its own, and is a tenth of a JDK."""
    run(["ecj", "-source", "17", "-target", "17", "-proc:none", "-nowarn", "-cp", JDBC, "-d", classes, FLEET / "Jdbc.java"])


def in_modes(program, modes=MODES, kinds=("ours",), more=None, extra=0):
    """program(uri, mode) through one server and a pool of few connections, of which no more may be there at its end."""
    with Server(15) as server, folder() as home:
        for kind in kinds:
            for mode in modes:
                settings = {**SETTINGS, "pool_mode": mode, **({"default_pool_size": 10} if mode == "session" else {}), **(more or {})}
                with Pooler(kind, home, {"app": address(server)}, settings, USERS) as pooler:
                    program(pooler.uri("app"), mode)
                    connected = server.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
                    assert int(connected[0][0]) <= settings["default_pool_size"] + extra, (kind, mode, connected)


def test_psql():
    """What its commands show is what they show without a pooler, and \\copy loses nothing, in every mode of both."""
    shown = [r"\d", r"\d t", r"\d+ v", r"\l", r"\dt+ t", r"\di", r"\df twice", r"\du", r"\dn", r"\dp t", "\\sf twice", "SELECT 1 \\gdesc", "TABLE v \\gx",
             "SELECT 'SELECT 4' \\gexec"]
    psql = [PSQL, "-X", "-v", "ON_ERROR_STOP=1"]
    with Server(15) as server, folder() as home:
        server.psql("CREATE TABLE t (id int PRIMARY KEY, word text); CREATE VIEW v AS SELECT count(*) FROM t; "
                    "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'")
        rows = "".join(f"{i}\tword {i}\\\\ of many\n" for i in range(20_000))
        (home / "rows").write_text(rows)
        (home / "shown").write_text("\n".join(shown) + "\n")
        for kind in KINDS:
            for mode in MODES:
                with Pooler(kind, home, {"app": address(server)}, {**SETTINGS, "pool_mode": mode}, USERS) as pooler:
                    copies = f"\\copy t FROM '{home}/rows'\n\\copy (SELECT * FROM t ORDER BY id) TO '{home}/back-{kind}-{mode}'\n"
                    run([*psql, "-d", pooler.uri("app")], input=f"TRUNCATE t;\n{copies}")
                    assert (home / f"back-{kind}-{mode}").read_text() == rows, (kind, mode)
                    out = [run([*psql, "-d", uri, "-f", home / "shown"]).stdout for uri in (server.uri(), pooler.uri("app"))]
                    assert out[0] == out[1] and "twice" in out[0], (kind, mode, "\n".join(difflib.unified_diff(out[0].splitlines(), out[1].splitlines())))
                    failed = run([*psql, "-d", pooler.uri("app")], input=f"\\copy t FROM '{home}/rows'\n", check=False)
                    assert "duplicate key" in failed.stderr, (kind, mode, failed.stderr)


def test_psycopg3():
    in_modes(lambda uri, mode: says_ok([PYTHON, FLEET / "psycopg3_client.py", uri, mode]))


def test_sqlalchemy():
    in_modes(lambda uri, mode: says_ok([PYTHON, FLEET / "sqlalchemy_client.py", uri, mode]), kinds=KINDS)


def test_asyncpg():
    in_modes(lambda uri, mode: says_ok([PYTHON, FLEET / "asyncpg_client.py", uri, mode]))


def test_node_postgres():
    in_modes(lambda uri, mode: says_ok(["node", FLEET / "node_postgres.cjs", uri, mode], env={**os.environ, "NODE_PATH": str(NODE_PACKAGES)}))


def test_postgres_js():
    in_modes(lambda uri, mode: says_ok(["node", FLEET / "postgres_js.cjs", uri, mode], env={**os.environ, "NODE_PATH": str(NODE_PACKAGES)}))


def test_pdo():
    in_modes(lambda uri, mode: says_ok(["php", FLEET / "pdo.php", uri, mode]))


def test_odbc():
    in_modes(lambda uri, mode: says_ok([PYTHON, FLEET / "odbc_client.py", uri, mode]))


def test_foreign_data_wrapper():
    """Another server is the client. postgres_fdw prepares what it writes by, and lets go of that by SQL in the same transaction."""
    with Server(15) as here:
        here.psql("CREATE EXTENSION postgres_fdw")

        def program(uri, mode):
            port = uri.split(":")[2].split("/")[0]
            there = f"host '127.0.0.1', port '{port}', dbname 'app', sslmode 'disable', batch_size '10', fetch_size '50'"
            here.psql(f"CREATE SERVER {mode} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({there}); CREATE USER MAPPING FOR postgres SERVER {mode} "
                      f"OPTIONS (user 'postgres', password_required 'false'); CREATE FOREIGN TABLE {mode}_far (id int, word text) SERVER {mode} "
                      "OPTIONS (schema_name 'public', table_name 'far')")
            run(["psql", "-X", "-q", "-d", uri, "-c", "DROP TABLE IF EXISTS far; CREATE TABLE far (id int PRIMARY KEY, word text)"])
            here.psql(f"INSERT INTO {mode}_far SELECT i, 'new' FROM generate_series(1, 205) i")
            here.psql(f"UPDATE {mode}_far SET word = 'changed' WHERE id <= 100 AND random() >= 0")
            here.psql(f"DELETE FROM {mode}_far WHERE id = 1")
            assert here.psql(f"SELECT count(*), count(*) FILTER (WHERE word = 'changed') FROM {mode}_far") == [["204", "99"]]

        in_modes(program, modes=("session", "transaction"))


def test_jdbc():
    with folder() as classes:
        compile_java(classes)
        in_modes(lambda uri, mode: says_ok(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{JDBC}", "Jdbc", uri, mode]))


def test_listening_in_transaction_mode():
    """Ours alone (share_listen): each driver has its own way to say LISTEN and to hear."""
    node = {**os.environ, "NODE_PATH": str(NODE_PACKAGES)}
    with folder() as classes:
        compile_java(classes)

        def programs(uri, mode):
            says_ok([PYTHON, FLEET / "psycopg3_client.py", uri, mode, "listens"])
            says_ok([PYTHON, FLEET / "asyncpg_client.py", uri, mode, "listens"])
            says_ok(["node", FLEET / "node_postgres.cjs", uri, mode, "listens"], env=node)
            says_ok(["node", FLEET / "postgres_js.cjs", uri, mode, "listens"], env=node)
            says_ok(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{JDBC}", "Jdbc", uri, mode, "listens"])

        # One more than the pool has: the connection that listens.
        in_modes(programs, modes=("transaction",), more={"share_listen": 1}, extra=1)


def test_libpq_pipelines():
    with folder() as home:
        program = home / "pipeline"
        flags = run(["pkg-config", "--cflags", "--libs", "libpq"]).stdout.split()
        run([shutil.which("gcc") or "g++", "-x", "c", "-O1", "-Wall", "-Werror", "-o", program, FLEET / "pipeline.c", *flags])
        in_modes(lambda uri, _mode: says_ok([program, uri]))


def test_pgbench_in_every_mode_and_protocol():
    with Server(15) as server, folder() as home:
        run([bin_of(15) / "pgbench", "-q", "-i", "-s", "1", server.uri()])
        (home / "one").write_text("\\set id random(1, 100000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :id;\n")
        for mode in MODES:
            with Pooler("ours", home, {"app": address(server)}, {**SETTINGS, "pool_mode": mode}, USERS) as pooler:
                for protocol in ("simple", "extended", "prepared"):
                    script = ["-f", home / "one"] if mode == "statement" else []
                    # A thread for each client: pgbench waits for an answer to Parse while another client of the thread has a server.
                    result = run([bin_of(15) / "pgbench", "-n", "-h", "127.0.0.1", "-p", pooler.port, "-U", "postgres", "-M", protocol, "-c", "4",
                                  "-j", "4", "-t", "50", *script, "app"], env={"PGSSLMODE": "disable"})
                    assert re.search(r"actually processed: 200/200", result.stdout), (mode, protocol, result.stdout, result.stderr)
                    assert re.search(r"failed transactions: 0 ", result.stdout), result.stdout
                if mode == "statement":
                    refused = run([bin_of(15) / "pgbench", "-n", "-t", "1", "-d", pooler.uri("app")], check=False)
                    assert refused.returncode != 0 and NO_BLOCKS in refused.stderr, refused.stderr


def dump_of(uri, *words):
    text = run([bin_of(15) / "pg_dump", "-d", uri, *words], timeout=120).stdout
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.M)  # A random word each time.


def test_dump_and_restore():
    """In session mode, as PgBouncer's manual has it; pg_dump sets much for its session, but in transaction mode all it reads is one transaction."""
    with Server(15) as server, folder() as home:
        server.create_database("copy")
        server.psql("CREATE TABLE t (id int PRIMARY KEY, word text); INSERT INTO t SELECT i, repeat('x', i % 100) FROM generate_series(1, 20000) i; "
                    "CREATE INDEX ON t (word); CREATE VIEW v AS SELECT count(*) FROM t")
        direct = dump_of(server.uri())
        for kind in KINDS:
            databases = {"app": address(server), "copy": address(server, "copy")}
            with Pooler(kind, home, databases, {**SETTINGS, "pool_mode": "session"}, USERS) as pooler:
                pooled = dump_of(pooler.uri("app"))
                assert pooled == direct, "\n".join(difflib.unified_diff(direct.splitlines(), pooled.splitlines()))[:3000]
                run([bin_of(15) / "pg_dump", "-d", pooler.uri("app"), "-F", "d", "-j", "2", "-f", home / f"dump-{kind}"], timeout=120)
                run([bin_of(15) / "pg_restore", "-d", pooler.uri("copy"), "--clean", "--if-exists", "-j", "2", home / f"dump-{kind}"], timeout=120)
                assert dump_of(pooler.uri("copy")) == direct
        with Pooler("ours", home, {"app": address(server)}, {**SETTINGS, "pool_mode": "transaction"}, USERS) as pooler:
            assert dump_of(pooler.uri("app")) == direct
        for kind in KINDS:
            with Pooler(kind, home, {"app": address(server)}, {**SETTINGS, "pool_mode": "statement"}, USERS) as pooler:
                refused = run([bin_of(15) / "pg_dump", "-d", pooler.uri("app")], check=False)
                assert refused.returncode != 0 and NO_BLOCKS in refused.stderr, (kind, refused.stderr)


def test_physical_replication():
    """pg_basebackup and pg_receivewal, each with server connections of its own. (1.25: replication=yes.)"""
    with Server(15, {"wal_level": "logical", "max_wal_senders": 10}) as server, folder() as home:
        databases = {"replication": address(server), "app": address(server)}
        for mode in MODES:
            with Pooler("ours", home, databases, {**SETTINGS, "pool_mode": mode}, USERS) as pooler:
                uri = pooler.uri("replication")
                backup = home / f"backup-{mode}"
                run([bin_of(15) / "pg_basebackup", "-d", uri, "-D", backup, "-X", "stream", "-c", "fast"], timeout=120)
                assert (backup / "PG_VERSION").exists() and list((backup / "pg_wal").iterdir())
                run([bin_of(15) / "pg_verifybackup", "-n", backup])
                wal = home / f"wal-{mode}"
                wal.mkdir()
                server.psql("CREATE TABLE IF NOT EXISTS t (a int); INSERT INTO t VALUES (1)")
                end = server.psql("SELECT pg_current_wal_lsn()")[0][0]
                receiver = subprocess.Popen([bin_of(15) / "pg_receivewal", "-d", uri, "-D", wal, "--no-loop", "--synchronous"], stderr=subprocess.DEVNULL)
                try:
                    wait_for(lambda: int(server.psql("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' "
                                                     f"AND flush_lsn >= '{end}'::pg_lsn")[0][0]) == 1, "pg_receivewal has it")
                    # Others work beside it, and a client that goes ends its server connection.
                    with Client(pooler, "app") as other:
                        assert other.values("SELECT 7") == ["7"]
                finally:
                    receiver.terminate()
                    receiver.wait(30)
                wait_for(lambda: server.psql("SELECT count(*) FROM pg_stat_replication")[0][0] == "0", "the walsender is gone")
                assert list(wal.iterdir())
                assert "replication=yes" in pooler.log() and "closing because: replication client" in pooler.log(), pooler.log()


def test_logical_replication():
    with Server(15, {"wal_level": "logical", "max_wal_senders": 10}) as server, folder() as home, \
            Pooler("ours", home, {"app": address(server)}, {**SETTINGS, "default_pool_size": 1}, USERS) as pooler:
        server.psql("CREATE TABLE t (id int PRIMARY KEY)")
        with Client(pooler, "app") as ordinary:  # Its server makes room: the pool has one place.
            assert ordinary.values("SELECT 1") == ["1"]
        uri = pooler.uri("app")
        run([bin_of(15) / "pg_recvlogical", "-d", uri, "-S", "stream", "--create-slot", "-P", "test_decoding"])
        server.psql("INSERT INTO t SELECT generate_series(1, 500)")
        end = server.psql("SELECT pg_current_wal_lsn()")[0][0]
        result = run([bin_of(15) / "pg_recvlogical", "-d", uri, "-S", "stream", "--start", "--endpos", end, "-f", "-"], timeout=60)
        assert len(re.findall(r"table public.t: INSERT: id\[integer\]:\d+", result.stdout)) == 500
        run([bin_of(15) / "pg_recvlogical", "-d", uri, "-S", "stream", "--drop-slot"])
        # SQL goes that way as well, and startup values reach the server.
        with Client(pooler, "app", parameters={"replication": "database", "application_name": "reader", "options": "-c statement_timeout=4321"}) as client:
            assert client.parameters["application_name"] == "reader"
            assert client.values("SHOW statement_timeout") == ["4321ms"]
            assert client.values("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reader' AND backend_type = 'walsender'") == ["1"]
        assert "evicted" in pooler.log()


def test_replication_that_is_refused():
    """The client hears why, in the server's words; others do not suffer from it."""
    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE plain LOGIN")
        with Pooler("ours", home, {"app": address(server)}, SETTINGS, '"plain" ""\n') as pooler:
            for value in ("database", "true"):
                try:
                    Client(pooler, "app", user="plain", parameters={"replication": value})
                    raise AssertionError("it came in")
                except ConnectionError as refusal:
                    assert "REPLICATION" in str(refusal) or "walsender" in str(refusal), refusal
            with Client(pooler, "app", user="plain", parameters={"replication": "off"}) as client:
                assert not errors_in(client.query("SELECT 1"))


SLOW = ["test_jdbc", "test_physical_replication", "test_psycopg3"]
