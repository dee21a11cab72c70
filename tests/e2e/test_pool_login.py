"""pgkeep pool: who comes in, and what those are told who do not: the same as PgBouncer 1.18 tells them, from the same ini file."""
import contextlib
import re
import socket
import struct

from certificates import FOR_CLIENTS, Certificates
from pooler import KINDS, Client, Pooler, error_text
from support import PSQL, Server, folder, pgkeep, run, wait_for
from test_pool_queries import address

# What auth_file has of three users with the password "secret", made by the server itself.
USERS = ("plain", "digest", "scram")


def make_users(server):
    """The roles, the text of an auth_file, and who may log in to the server how."""
    server.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'secret'; CREATE ROLE plain LOGIN PASSWORD 'secret';"
                "SET password_encryption = 'md5'; CREATE ROLE digest LOGIN PASSWORD 'secret'")
    stored = dict(server.psql("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL"))
    hba = server.data / "pg_hba.conf"
    hba.write_text("local all postgres trust\nhost all scram,plain 127.0.0.1/32 scram-sha-256\nhost all digest 127.0.0.1/32 md5\n"
                   "host all clear 127.0.0.1/32 password\nhost all open 127.0.0.1/32 trust\n")
    server.psql("CREATE ROLE clear LOGIN PASSWORD 'secret'; CREATE ROLE open LOGIN; SELECT pg_reload_conf()")
    return (f'"plain" "secret"\n"digest" "{stored["digest"]}"\n"scram" "{stored["scram"]}"\n"clear" "secret"\n"open" ""\n"ghost" "secret"\n')


def try_psql(pooler, database, user, password, more="", sql="SELECT current_user || '@' || current_database()"):
    """What psql prints, or what it was told."""
    result = run([PSQL, "-X", "-A", "-t", "-d", pooler.uri(database, user, more), "-c", sql], check=False, env={"PGPASSWORD": password, "PATH": "/usr/bin:/bin"}, timeout=30)
    told = re.search(r"FATAL:\s+(.*)", result.stderr)
    return result.stdout.strip() if result.returncode == 0 else told.group(1) if told else result.stderr.strip()


def told_to(uri):
    """The same, of what connects without a password."""
    result = run([PSQL, "-X", "-A", "-t", "-d", uri, "-c", "SELECT 40 + 2"], check=False, env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}, timeout=30)
    told = re.search(r"FATAL:\s+(.*)", result.stderr)
    return told.group(1) if told else result.stdout.strip() or result.stderr.strip()


def test_passwords_of_every_kind():
    with Server(15) as server, folder() as home:
        users = make_users(server)
        at = f"host=127.0.0.1 port={server.port} dbname=postgres"
        for auth_type, knows in (("plain", USERS), ("md5", USERS), ("scram-sha-256", ("plain", "scram"))):
            with contextlib.ExitStack() as stack:
                poolers = [stack.enter_context(Pooler(kind, home, {"app": at}, {"auth_type": auth_type, "client_login_timeout": 2}, users))
                           for kind in KINDS]
                for user in (*USERS, "nobody"):
                    for password in ("secret", "wrong"):
                        told = [try_psql(pooler, "app", user, password) for pooler in poolers]
                        assert told[0] == told[1], (auth_type, user, password, told)
                        if password == "wrong":
                            assert "authentication failed" in told[0], told
                        # "plain" sends a password as it is; a server that asks for SCRAM cannot be answered with a secret then.
                        elif user in knows and not (auth_type == "plain" and user == "scram"):
                            assert told[0] == f"{user}@postgres", (auth_type, user, told)
        for kind in KINDS:
            with Pooler(kind, home, {"forced": at + " user=plain password=secret"}, {"auth_type": "any"}, users) as pooler:
                assert try_psql(pooler, "forced", "whoever", "") == "plain@postgres", kind
            with Pooler(kind, home, {"app": at}, {"auth_type": "trust"}, users) as pooler:
                assert try_psql(pooler, "app", "clear", "") == "clear@postgres", kind
                assert try_psql(pooler, "app", "open", "") == "open@postgres", kind


def test_refusals_in_the_same_words():
    with Server(15) as server, folder() as home, contextlib.ExitStack() as stack:
        users = make_users(server)
        at = f"host=127.0.0.1 port={server.port}"
        databases = {"postgres": at, "gone": at, "down": "host=127.0.0.1 port=1"}
        settings = {"max_client_conn": 3, "client_login_timeout": 3, "server_login_retry": 1}
        poolers = [stack.enter_context(Pooler(kind, home, databases, settings, users)) for kind in KINDS]

        def same(want, *words):
            told = [try_psql(pooler, *words) for pooler in poolers]
            assert told[0] == told[1] == want, (want, told)

        same('"trust" authentication failed', "postgres", "nobody", "")
        same("no such database: nodb", "nodb", "open", "")
        same('database "gone" does not exist', "gone", "open", "")
        same(try_psql(poolers[1], "postgres", "ghost", ""), "postgres", "ghost", "")
        # Options are 1.25's: 1.18 takes none.
        assert try_psql(poolers[0], "postgres", "open", "", "&options=-c%20geqo%3Doff") == "unsupported startup parameter in options: geqo"
        same(try_psql(poolers[1], "down", "open", ""), "down", "open", "")
        for pooler in poolers:
            clients = [stack.enter_context(Client(pooler, "postgres", "open")) for _ in range(3)]
            try:
                Client(pooler, "postgres", "open")
                raise AssertionError("one too many came in")
            except ConnectionError as told:
                assert str(told) == "no more connections allowed (max_client_conn)", told
            for client in clients:
                client.close()
            silent = stack.enter_context(Client(pooler, is_started=False))
            silent.send(b"\0")
            assert error_text(silent.until(b"E")[-1][1]) == "client_login_timeout"


def start_packet(minor, *texts):
    body = struct.pack("!HH", 3, minor) + b"".join(text.encode() + b"\0" for text in texts) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def test_newer_protocols_are_negotiated_as_the_server_does_it():
    """libpq 18 takes another version than 3.x for a server of before 2003. PgBouncer 1.18 closes such connections."""
    with Server(15) as server, folder() as home, \
            Pooler("ours", home, {"app": f"host={server.home} port={server.port} dbname=postgres"}, users='"postgres" ""\n') as pooler:
        for minor, options in ((2, ()), (9999, ()), (0, ("_pq_.x", "1")), (2, ("_pq_.x", "1", "_pq_.y", "2"))):
            packet = start_packet(minor, "user", "postgres", "database", "app", *options)
            with Client(pooler, is_started=False) as client:
                client.send(packet)
                told = client.read()
                assert client.until(b"ZE")[-1] == (b"Z", b"I"), (minor, options)
                assert client.values("SELECT 1") == ["1"]
            with socket.socket(socket.AF_UNIX) as direct:
                direct.connect(f"{server.home}/.s.PGSQL.{server.port}")
                direct.sendall(packet.replace(b"database\0app\0", b"database\0postgres\0").replace(packet[:4], struct.pack("!I", len(packet) + 5), 1))
                answer = direct.recv(65536)
            assert answer.startswith(Client.message(*told)), (minor, options, told, answer)


def test_an_answer_that_comes_before_the_question():
    """A password that is sent along with the startup packet, and a query behind it."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": f"host={server.home} port={server.port} dbname=postgres"}, {"auth_type": "plain"}, '"postgres" "secret"\n') as pooler:
                for password, ends in (("secret", [b"7"]), ("wrong", "password authentication failed")):
                    with Client(pooler, is_started=False) as client:
                        client.send(start_packet(0, "user", "postgres", "database", "app"), Client.message(b"p", password.encode() + b"\0"),
                                    Client.message(b"Q", b"SELECT 7\0"))
                        client.socket.settimeout(10)  # client_login_timeout is 60.
                        told = client.until(b"CE")
                        assert told[0] == (b"R", struct.pack("!I", 3)), (kind, told)
                        if ends == [b"7"]:
                            assert [content[6:] for what, content in told if what == b"D"] == ends, (kind, told)
                        else:
                            assert error_text(told[-1][1]) == ends, (kind, told)


def test_rules_of_certificates_and_accounts_keep_out_who_has_none():
    """Lines of "cert" and "peer" count for whoever they fit, whatever connection they are of: nobody comes in by a line further down."""
    no_certificate, no_account = "certificate authentication failed", "unix socket login rejected"
    cases = [("host all alice 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n", ("42", no_certificate, no_certificate, "42")),
             ("host all alice 127.0.0.1/32 peer\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n", (no_account, no_account, no_account, "42")),
             ("hostssl all alice 127.0.0.1/32 peer\nhost all all 127.0.0.1/32 trust\nlocal all alice cert\nlocal all all trust\n",
              (no_account, no_account, "42", no_certificate)),
             ("hostnossl all alice 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n", ("42", "42", no_certificate, "42"))]
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        settings = {**FOR_CLIENTS, "auth_type": "hba", "auth_hba_file": "HOME/hba", "client_tls_ca_file": "HOME/ca.crt", "client_tls_sslmode": "allow"}
        for hba, wanted in cases:
            for kind in KINDS:
                with Pooler(kind, home, {"app": f"{address(server)} user=postgres"}, settings, '"postgres" ""\n"alice" ""\n', {**made.files(), "hba": hba}) as pooler:
                    uri = f"postgresql://alice@127.0.0.1:{pooler.port}/app?gssencmode=disable&sslrootcert=/nowhere"
                    certificate = f"&sslcert={made.path('alice')}.crt&sslkey={made.path('alice')}.key"
                    told = tuple(told_to(each) for each in (f"{uri}&sslmode=require{certificate}", f"{uri}&sslmode=require&sslcert=/nowhere",
                                                            f"{uri}&sslmode=disable", f"host={pooler.home} port={pooler.port} user=alice dbname=app"))
                    assert told == wanted, (kind, hba, told)
                    assert told_to(pooler.uri("app")) == "42" and "could not parse hba config" not in pooler.log(), (kind, pooler.log())
                    if kind == "ours":
                        assert pgkeep("pool", "check", "--offline", pooler.home / "pool.ini", check=False).returncode == 0


def test_log_lines_in_the_same_form():
    """But what came later: " replication=no" (1.23)."""
    with Server(15) as server, folder() as home:
        lines = []
        for kind in KINDS:
            with Pooler(kind, home, {"app": f"host=127.0.0.1 port={server.port} dbname=postgres"}, {}, '"postgres" ""\n') as pooler:
                server.psql("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
                (server.data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 trust\n")
                server.psql("SELECT pg_reload_conf()")
                assert try_psql(pooler, "app", "postgres", "") == "postgres@postgres"
                try_psql(pooler, "app", "nobody", "")
                try_psql(pooler, "nodb", "postgres", "")
                wait_for(lambda: "pooler error: no such database" in pooler.log(), "the log says what happened")
            text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ \[\d+\] ", "", pooler.log(), flags=re.M)
            text = re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", text))
            lines.append([line.replace(" replication=no", "") if kind == "ours" else line for line in text.splitlines()
                          if re.search(r" [CS]-0x", " " + line)])
            assert kind == "pgbouncer" or text.count("login attempt: db=app user=postgres tls=no replication=no\n") == 1, text
        assert lines[0] == lines[1], "\n".join(["ours:", *lines[0], "pgbouncer:", *lines[1]])


def test_errors_of_our_own_queries_are_logged():
    """connect_query: its errors are but logged. auth_query: since 1.24 what the server says."""
    with Server(15) as server, folder() as home:
        at = f"host={server.home} port={server.port} dbname=postgres"
        databases = {"app": at + " connect_query='SELECT nonsense'"}
        for kind in ("ours", "pgbouncer"):
            with Pooler(kind, home, databases, {"auth_user": "postgres", "auth_query": "SELECT missing($1)"}, '"postgres" ""\n') as pooler:
                assert try_psql(pooler, "app", "postgres", "") == "postgres@postgres", kind
                assert try_psql(pooler, "app", "nobody", "") == "bouncer config error", kind
                told = ["S: error while executing exec_on_query: ERROR: column \"nonsense\" does not exist"]
                if kind == "ours":
                    told.append("S: error in auth_query: ERROR: function missing(unknown) does not exist")
                for text in told:
                    wait_for(lambda: text in pooler.log(), f"{kind}: {text}")


def test_log_lines_of_databases_and_limits():
    """A database that "*" makes, with another text since 1.23; the console; how many descriptors there may be."""
    with Server(15) as server, folder() as home:
        at = f"host={server.home} port={server.port} dbname=postgres"
        databases = {"app": at, "forced": at + " user=postgres pool_size=3", "*": at}
        lines = {}
        for kind in ("ours", "pgbouncer"):
            with Pooler(kind, home, databases, {"default_pool_size": 7, "admin_users": "postgres"}, '"postgres" ""\n"other" ""\n', more="[users]\nx = pool_mode=session") as pooler:
                for _ in range(2):
                    assert try_psql(pooler, "another", "postgres", "") == "postgres@postgres"
                Client(pooler, "pgbouncer").close()
                registered = "registered new auto-database: " + ("another" if kind == "ours" else "db=another")
                wait_for(lambda: pooler.log().count(registered) == 1 and "login attempt: db=pgbouncer" in pooler.log(), f"{kind}: both are logged")
                lines[kind] = (re.search(r"kernel file descriptor limit.*", pooler.log()).group(0), re.search(r"(\S+)@\S+ login attempt: db=pgbouncer", pooler.log()).group(1))
        assert lines["ours"] == lines["pgbouncer"], lines
        assert lines["ours"][0].endswith("max expected fd use: 143") and lines["ours"][1] == "pgbouncer/postgres", lines
