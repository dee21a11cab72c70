"""pgkeep pool: TLS with clients and with servers, beside PgBouncer 1.18 with the same ini file. What came after 1.18 follows its 1.25's
documentation: direct TLS, auth_ident_file, cancel requests through TLS; SCRAM-SHA-256-PLUS is ours alone.
"""
import contextlib
import pathlib
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import threading

from certificates import FOR_CLIENTS, Certificates
from pooler import KINDS, Client, Console, Pooler, error_text, errors_in
from support import ACCOUNT, PGKEEP, PSQL, Server, bin_of, folder, run, wait_for

USERS = '"postgres" ""\n"alice" "secret"\n'
SSL_REQUEST = struct.pack("!II", 8, 80877103)
CANCEL_CODE = struct.pack("!I", 80877102)


def psql(pooler, sslmode, *words, user="postgres", certificate=None, made=None, more="", stdin=None):
    """What psql prints, or what it was told."""
    uri = f"postgresql://{user}@localhost:{pooler.port}/app?hostaddr=127.0.0.1&gssencmode=disable&sslmode={sslmode}{more}"
    uri += f"&sslrootcert={made.path('ca.crt')}" if made and sslmode.startswith("verify") else "&sslrootcert=/nowhere"
    uri += f"&sslcert={made.path(certificate)}.crt&sslkey={made.path(certificate)}.key" if certificate else "&sslcert=/nowhere&sslkey=/nowhere"
    result = run([PSQL, "-X", "-q", "-A", "-t", "-d", uri, *(words or ("-c", "SELECT 40 + 2"))], check=False, timeout=60, input=stdin,
                 env={"PGPASSWORD": "secret", "PATH": "/usr/bin:/bin", "HOME": "/nowhere"})
    if result.returncode == 0:
        return result.stdout if stdin is not None or words else result.stdout.strip()
    told = re.search(r"(?:FATAL|ERROR):\s+(.*)", result.stderr)
    return told.group(1) if told else re.sub(r".*failed: |.*error: ", "", result.stderr.strip().splitlines()[-1])


def both(stack, home, databases, settings=None, files=None, users=USERS):
    return [stack.enter_context(Pooler(kind, home, databases, settings, users, files)) for kind in KINDS]


def at(server, host="127.0.0.1"):
    return f"host={host} port={server.port} dbname=postgres user=postgres"


def test_clients_in_every_mode():
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        for mode in ("disable", "allow", "require", "verify-ca", "verify-full"):
            with contextlib.ExitStack() as stack:
                poolers = both(stack, home, {"app": at(server)}, {**FOR_CLIENTS, "client_tls_sslmode": mode, "client_tls_ca_file": "HOME/ca.crt"},
                               made.files())
                for sslmode in ("disable", "allow", "prefer", "require", "verify-full"):
                    told = [psql(pooler, sslmode, made=made) for pooler in poolers]
                    is_in = {"disable": sslmode in ("disable", "allow", "prefer"), "allow": True, "require": sslmode != "disable"}.get(mode, False)
                    assert (told[0] == "42") == (told[1] == "42") == is_in, (mode, sslmode, told)
                    if "certificate required" not in told[1]:  # Nobody knows whether an alert or the end comes first.
                        assert told[0] == told[1] or not is_in, (mode, sslmode, told)
                told = [psql(pooler, "require", certificate="alice", made=made) for pooler in poolers]
                assert told[0] == told[1], (mode, told)
                assert (told[0] == "42") == (mode != "disable"), (mode, told)
                if mode.startswith("verify"):
                    told = [psql(pooler, "require", certificate="stranger", made=made) for pooler in poolers]
                    assert "42" not in told and ("unknown ca" in told[0] or "unexpectedly" in told[0]), told


def test_the_console_shows_it():
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        made.secure(server)
        settings = {**FOR_CLIENTS, "client_tls_sslmode": "require", "server_tls_sslmode": "require", "admin_users": "postgres"}
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, settings, USERS, made.files()) as pooler:
                with Client(pooler, "app", tls=made.context()) as client, Console(pooler, tls=made.context()) as console:
                    client.values("SELECT 1")
                    shown = [row["tls"] for what in ("CLIENTS", "SERVERS") for row in console.rows(f"SHOW {what}")]
                    assert len(shown) == 3 and all(re.fullmatch(r"TLSv1\.\d/[A-Z0-9-_]+(/ECDH=\w+)?", tls) for tls in shown), (kind, shown)


def test_log_lines_in_the_same_form():
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        made.secure(server)
        lines = []
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {**FOR_CLIENTS, "client_tls_sslmode": "require", "server_tls_sslmode": "prefer"}, USERS,
                        made.files(), loops=1) as pooler:
                assert psql(pooler, "require") == "42", pooler.log()
                assert psql(pooler, "disable") == "SSL required"
                with socket.create_connection(("127.0.0.1", pooler.port), 30) as garbage:
                    garbage.sendall(SSL_REQUEST)
                    assert garbage.recv(1) == b"S"
                    garbage.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    wait_for(lambda: "TLS handshake error" in pooler.log(), "it says what it got")  # 1.18 does not always close it then.
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")  # The defaults of 1.18 and 1.25 differ.
                with Client(pooler, "app", tls=context) as client:
                    assert client.values("SELECT 1") == ["1"]
                wait_for(lambda: len(re.findall(r"C-0x\w+: app/.*closing because", pooler.log())) >= 2, "all are gone")
            text = re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ \[\d+\] ", "", pooler.log(), flags=re.M)
            text = re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", text))
            text = text.replace(" replication=no", "") if kind == "ours" else text  # Since 1.23.
            text = re.sub(r"\(age=\d+s\)", "", re.sub(r"error:[0-9A-F]+:SSL routines::.*", "error:N:SSL routines::", text))
            # PgBouncer keeps the connection of whoever sent garbage until client_login_timeout, and warns of everybody who leaves without TLS's own
            # goodbye.
            but = "process up|nodb.*eof|tls_sbufio_recv: read failed"
            lines.append([line for line in text.splitlines() if re.search(r"[CS]-0x|TLS|SSL", line) and not re.search(but, line)])
        assert lines[0] == lines[1], "\n".join(["ours:", *lines[0], "pgbouncer:", *lines[1]])
        assert any("tls=TLSv1.3/TLS_AES_256_GCM_SHA384" in line for line in lines[0]), lines[0]


def test_servers_in_every_mode():
    """A server with TLS, without, and one with another name's certificate; "allow" and "prefer" take what there is."""
    with Server(15) as secure, Server(15) as plain, Server(15) as other, folder() as home:
        made = Certificates(home)
        made.secure(secure, hba="host all all 127.0.0.1/32 trust\n")
        made.secure(other, "elsewhere", "host all all 127.0.0.1/32 trust\n")
        databases = {"app": at(secure), "named": at(secure, "localhost"), "plain": at(plain), "other": at(other)}
        (plain.data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 trust\n")
        plain.psql("SELECT pg_reload_conf()")
        want = {"disable": ("f", "f", "f", "f"), "allow": "ttft", "prefer": "ttft", "require": "tt-t", "verify-ca": "tt-t", "verify-full": "tt--"}
        for mode, answers in want.items():
            with contextlib.ExitStack() as stack:
                settings = {"server_tls_sslmode": mode, "server_tls_ca_file": "HOME/ca.crt", "query_wait_timeout": 1, "server_login_retry": 1}
                for pooler in both(stack, home, databases, settings, made.files()):
                    for database, answer in zip(databases, answers):
                        got = run([PSQL, "-X", "-A", "-t", "-d", pooler.uri(database), "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"],
                                  check=False, timeout=60)
                        assert (got.stdout.strip() or "-") == answer, (pooler.kind, mode, database, got.stdout, got.stderr)
                    if mode == "verify-full":
                        assert "closing because: server refused SSL" in pooler.log(), pooler.log()
                        assert "TLS handshake error: name `127.0.0.1' not present in server certificate" in pooler.log(), pooler.log()
        with contextlib.ExitStack() as stack:
            settings = {"server_tls_sslmode": "verify-ca", "server_tls_ca_file": "HOME/stranger-ca.crt", "query_wait_timeout": 1}
            for pooler in both(stack, home, databases, settings, made.files()):
                assert run([PSQL, "-X", "-d", pooler.uri("app"), "-c", "SELECT 1"], check=False).returncode != 0
                assert "certificate verify failed" in pooler.log(), pooler.log()


def test_certificates_open_servers_and_poolers():
    """server_tls_cert_file and server_tls_key_file; auth_type = cert."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        server.psql("CREATE ROLE alice LOGIN")
        made.secure(server, hba="hostssl all alice 127.0.0.1/32 cert\n")
        settings = {**FOR_CLIENTS, "client_tls_sslmode": "verify-full", "client_tls_ca_file": "HOME/ca.crt", "auth_type": "cert",
                    "server_tls_sslmode": "require", "server_tls_cert_file": "HOME/alice.crt", "server_tls_key_file": "HOME/alice.key"}
        with contextlib.ExitStack() as stack:
            poolers = both(stack, home, {"app": f"host=127.0.0.1 port={server.port} dbname=postgres"}, settings, made.files())
            for user, want in (("alice", "alice"), ("postgres", "certificate authentication failed"), ("nobody", "certificate authentication failed")):
                told = [psql(pooler, "require", "-c", "SELECT current_user", user=user, certificate="alice", made=made).strip() for pooler in poolers]
                assert told == [want, want], (user, told)
            for pooler in poolers:
                assert "TLS certificate name mismatch" in pooler.log(), pooler.log()


def test_hba_knows_tls_maps_and_accounts():
    """hostssl, hostnossl and peer as in 1.18; maps of auth_ident_file as 1.25 documents them."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        files = {**made.files(), "hba": "hostssl all postgres 127.0.0.1/32 trust\nhostnossl all postgres 127.0.0.1/32 reject\n"
                                        "hostnossl all alice 127.0.0.1/32 trust\n"
                                        f"local all {ACCOUNT} peer\nlocal all alice peer\n"}
        settings = {**FOR_CLIENTS, "auth_type": "hba", "auth_hba_file": "HOME/hba", "client_tls_ca_file": "HOME/ca.crt"}
        users = USERS + '"root" ""\n"mapped" ""\n'
        with contextlib.ExitStack() as stack:
            for pooler in both(stack, home, {"app": at(server)}, settings, files, users):
                told = psql(pooler, "require")
                assert told == "42", (told, pooler.log())
                assert psql(pooler, "disable") == "login rejected"
                no_rule = "no authentication method is found" if pooler.kind == "ours" else "login rejected"  # The words of 1.23 and later.
                assert psql(pooler, "require", user="alice") == no_rule
                assert psql(pooler, "disable", user="alice") == "42"
                by_socket = [run(["runuser", "-u", ACCOUNT, "--", PSQL, "-X", "-A", "-t", "-h", pooler.home, "-p", pooler.port, "-U", user, "-d", "app",
                                  "-c", "SELECT 1"], check=False, cwd="/") for user in (ACCOUNT, "alice")]
                assert by_socket[0].stdout == "1\n", (by_socket[0].stderr, pooler.log())
                assert "unix socket login rejected" in by_socket[1].stderr, by_socket[1].stderr
        files["ident"] = f"staff alice postgres\nstaff alice alice\nlocals {ACCOUNT} mapped\neveryone root all\n"
        files["hba"] = "hostssl all all all cert map=staff\nlocal all mapped peer map=locals\nlocal all all peer map=everyone\n"
        with Pooler("ours", home, {"app": at(server)}, {**settings, "auth_ident_file": "HOME/ident"}, users, files) as pooler:
            assert psql(pooler, "require", certificate="alice", made=made) == "42"
            assert psql(pooler, "require", user="alice", certificate="alice", made=made) == "42"
            assert psql(pooler, "require", user="root", certificate="alice", made=made) == "certificate authentication failed"
            assert psql(pooler, "require", made=made) == "certificate authentication failed"
            assert psql(pooler, "require", certificate="stranger", made=made) == "certificate authentication failed"
            for account, user, is_in in ((ACCOUNT, "mapped", True), (ACCOUNT, "alice", False), ("root", "alice", True), ("root", "mapped", False)):
                got = run(["runuser", "-u", account, "--", PSQL, "-X", "-A", "-t", "-h", pooler.home, "-p", pooler.port, "-U", user, "-d", "app", "-c",
                           "SELECT 1"], check=False, cwd="/")
                assert (got.stdout == "1\n") == is_in, (account, user, got.stderr)
        files["hba"] = "local all all peer map=nosuch\n"
        with folder() as other:
            for name, text in files.items():
                (other / name).write_text(text)
            (other / "pool.ini").write_text(f"[databases]\napp=\n[pgbouncer]\nauth_type=hba\nauth_hba_file={other}/hba\nauth_ident_file={other}/ident\n"
                                            f"unix_socket_dir={other}\nlisten_port=1\n")
            result = run([PGKEEP, "pool", "check", other / "pool.ini"], check=False, timeout=20)
            assert result.returncode == 1 and f"{other}/hba:1" in result.stdout and "nosuch" in result.stdout, result


def test_scram_is_bound_to_the_channel():
    """SCRAM-SHA-256-PLUS with clients, and with servers."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        server.psql("SET password_encryption = 'scram-sha-256'; ALTER ROLE postgres PASSWORD 'secret'")
        made.secure(server, hba="hostssl all all 127.0.0.1/32 scram-sha-256\n")
        verifier = server.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")[0][0]
        for stored in ("secret", verifier):  # With a verifier the keys of the client open the server.
            with Pooler("ours", home, {"app": f"host=127.0.0.1 port={server.port} dbname=postgres"},
                        {**FOR_CLIENTS, "auth_type": "scram-sha-256", "server_tls_sslmode": "require"}, f'"postgres" "{stored}"\n',
                        made.files()) as pooler:
                assert psql(pooler, "require", more="&channel_binding=require") == "42", pooler.log()
                assert psql(pooler, "require", more="&channel_binding=disable") == "42", pooler.log()
                assert psql(pooler, "disable") == "42", pooler.log()


def pgbench(pooler, *words):
    result = run([bin_of(15) / "pgbench", "-n", "-h", "127.0.0.1", "-p", pooler.port, "-U", "postgres", *words, "app"], env={"PGSSLMODE": "require"})
    assert re.search(r"number of failed transactions: 0 ", result.stdout), result.stdout
    return int(re.search(r"actually processed: (\d+)", result.stdout).group(1))


def send_while_reading(client, data):
    """By one thread: Python's connections through TLS are not for two at once."""
    client.socket.setblocking(False)
    while data:
        select.select([client.socket], [client.socket], [], 30)
        with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
            data = data[client.socket.send(data[:65536]):]
        with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
            client.buffer += client.socket.recv(65536)
    client.socket.settimeout(30)


def test_whatever_is_said_comes_through():
    """Large results, COPY both ways, prepared statements, pipelines: TLS on both sides, with one server. 1.18 has no prepared statements in transaction mode."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        made.secure(server)
        run([bin_of(15) / "pgbench", "-q", "-i", "-s", "1", server.uri()])
        settings = {**FOR_CLIENTS, "client_tls_sslmode": "require", "server_tls_sslmode": "verify-full", "server_tls_ca_file": "HOME/ca.crt",
                    "default_pool_size": 2}
        server.psql("CREATE TABLE t (id int PRIMARY KEY, v text)")
        for kind in KINDS:
            protocols = ("simple", "extended", "prepared") if kind == "ours" else ("simple", "extended")
            with Pooler(kind, home, {"app": at(server, "localhost")}, settings, USERS, made.files()) as pooler:
                server.psql("TRUNCATE t")
                rows = "".join(f"{i}\t{'x' * 100}\n" for i in range(100_000))
                told = psql(pooler, "require", "-c", "COPY t FROM STDIN", stdin=rows)
                assert told == "", (told, pooler.log())
                assert psql(pooler, "require", "-c", "COPY t TO STDOUT", stdin="") == rows
                assert "duplicate key" in psql(pooler, "require", "-c", "COPY t FROM STDIN", stdin="1\ttwice\n" + rows)
                for protocol in protocols:
                    more = ["-S"] if protocol == "prepared" else []  # It prepares without looking at the transactions that its others hold.
                    assert pgbench(pooler, "-M", protocol, "-c", "8", "-t", "25", "-j", "2", *more) == 200
                assert pgbench(pooler, "-C", "-S", "-c", "4", "-t", "10") == 40
                with Client(pooler, "app", tls=made.context()) as one, Client(pooler, "app", tls=made.context()) as other:
                    count = 2000  # Of one pipeline, which is answered while it is being sent.
                    part = Client.message(b"P", b"\0SELECT repeat('y', 1000)\0\0\0") + Client.message(b"B", b"\0\0\0\0\0\0\0\0") + \
                        Client.message(b"E", b"\0\0\0\0\0") + Client.message(b"S")
                    send_while_reading(one, part * count)
                    for _ in range(count):
                        seen = one.until(b"Z")
                        assert [each for each, _ in seen] == [b"1", b"2", b"D", b"C", b"Z"] and len(seen[2][1]) == 1006, (seen, pooler.log()[-2000:])
                    assert other.values("SELECT count(*) FROM t") == ["100000"]
                    # A message in bytes that come one by one, each in a record of its own.
                    for byte in Client.message(b"Q", b"SELECT 'slow'\0"):
                        one.socket.sendall(bytes([byte]))
                    assert one.until(b"Z")[1][1].endswith(b"slow")


class Recorder:
    """Passes everything on between a pooler and a server, and remembers what the pooler said first on each connection."""

    def __init__(self, port):
        self.target = port
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                head = bytearray()
                self.heads.append(head)
                threading.Thread(target=self.carry, args=(client, server, head), daemon=True).start()
                threading.Thread(target=self.carry, args=(server, client, bytearray()), daemon=True).start()

    @staticmethod
    def carry(source, sink, head):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                head += data[:1000 - len(head)]
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def test_cancel_requests_are_encrypted():
    """As 1.25 does; through TLS from the client as well."""
    with Server(15) as server, folder() as home, Recorder(server.port) as recorder:
        made = Certificates(home)
        made.secure(server)
        settings = {**FOR_CLIENTS, "server_tls_sslmode": "require"}
        with Pooler("ours", home, {"app": f"host=127.0.0.1 port={recorder.port} dbname=postgres"}, settings, USERS, made.files()) as pooler, \
                Client(pooler, "app", tls=made.context()) as client:
            for context in (None, made.context()):
                client.send(client.message(b"Q", b"SELECT pg_sleep(60)\0"))
                wait_for(lambda: server.psql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"), "it sleeps")
                with Client(pooler, is_started=False, tls=context) as cancel:
                    cancel.socket.sendall(struct.pack("!I", 16) + CANCEL_CODE + client.key)
                    assert errors_in(client.until(b"Z")) == ["canceling statement due to user request"]
                    assert cancel.is_closed()
            assert len(recorder.heads) == 3, recorder.heads
            for head in recorder.heads:
                assert head.startswith(SSL_REQUEST) and CANCEL_CODE not in head, head


def test_tls_at_once():
    """Direct TLS with the protocol's name, as 1.25 and PostgreSQL 17 have it; without the name, or with another, nobody comes in."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        with Pooler("ours", home, {"app": at(server)}, FOR_CLIENTS, USERS, made.files()) as pooler:
            for names in (["postgresql"], [], ["http/1.1"]):
                context = made.context()
                if names:
                    context.set_alpn_protocols(names)
                client = Client(pooler, is_started=False)
                try:
                    client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
                    client.start("app", "postgres", {})
                except (ssl.SSLError, ConnectionError):
                    pass
                is_in = hasattr(client, "key")
                assert is_in == (names == ["postgresql"]) and (not is_in or client.values("SELECT 1") == ["1"]), (names, pooler.log())
                client.close()
            told = "received direct SSL connection request without ALPN protocol negotiation extension"
            wait_for(lambda: told in pooler.log(), "the log says why")
        with Pooler("ours", home, {"app": at(server)}, {}, USERS) as pooler, Client(pooler, is_started=False) as client:
            client.send(b"\x16\x03\x01\x00\x05hello")
            assert client.is_closed(), "a pooler without TLS"


def test_sessions_are_resumed_in_any_thread():
    """With a ticket of one thread in all others; the certificate that the client once showed counts on. 1.18 has but one thread."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        settings = {**FOR_CLIENTS, "client_tls_sslmode": "verify-full", "client_tls_ca_file": "HOME/ca.crt", "auth_type": "cert"}
        with Pooler("ours", home, {"app": at(server)}, settings, USERS, made.files(), loops=4) as pooler:
            context = made.context("alice")
            ticket = None
            for number in range(12):
                with Client(pooler, is_started=False) as client:
                    client.socket.sendall(SSL_REQUEST)
                    assert client.socket.recv(1) == b"S"
                    client.socket = context.wrap_socket(client.socket, server_hostname="localhost", session=ticket)
                    client.start("app", "alice", {})
                    assert client.values("SELECT 1") == ["1"] and client.socket.session_reused == (number > 0), number
                    ticket = client.socket.session


def test_hostile_clients():
    """Garbage, silence, bytes in front of the handshake, half-closed connections, renegotiation."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        with contextlib.ExitStack() as stack:
            for pooler in both(stack, home, {"app": at(server)}, {**FOR_CLIENTS, "client_login_timeout": 2}, made.files()):
                for garbage in (b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x15\x03\x01\x00\x02\x02\x28"):
                    with Client(pooler, is_started=False) as client:
                        client.send(SSL_REQUEST)
                        assert client.socket.recv(1) == b"S"
                        with contextlib.suppress(ConnectionError):
                            client.send(garbage)
                        with contextlib.suppress(ConnectionError):
                            while client.socket.recv(4096):
                                pass
                with Client(pooler, is_started=False) as client:
                    client.send(SSL_REQUEST + b"\0\0\0\x08\x04\xd2\x16\x2e")
                    assert error_text(client.until(b"E")[-1][1]) == "received unencrypted data after SSL request"
                # Whoever stalls in a handshake is cut off, without a word that he could mistake for its rest.
                with Client(pooler, is_started=False) as client:
                    client.send(SSL_REQUEST)
                    assert client.socket.recv(1) == b"S"
                    client.send(b"\x16\x03\x01\x02\x00\x01")
                    assert client.socket.recv(100) == b""
                wait_for(lambda: "closing because: client_login_timeout" in pooler.log(), "the log says so")
                with Client(pooler, "app", tls=made.context()) as client:
                    assert client.values("SELECT 1") == ["1"], "it still works"
                    # A cut in the middle of a record.
                    client.send(client.message(b"Q", b"SELECT 1\0")[:-2])
                    socket.socket(fileno=client.socket.detach()).close()
        with Pooler("ours", home, {"app": at(server)}, {**FOR_CLIENTS, "default_pool_size": 1}, USERS, made.files()) as pooler:
            # The front of a handshake that says it is long holds no memory until client_login_timeout (60 s), as it does in PgBouncer.
            front = b"\x01" + struct.pack("!I", 131_000)[1:] + b"\x03\x03" + b"r" * 16_000
            with Client(pooler, is_started=False) as client:
                client.send(SSL_REQUEST)
                assert client.socket.recv(1) == b"S"
                client.send(b"\x16\x03\x01" + struct.pack("!H", len(front)) + front)
                client.socket.settimeout(20)
                with contextlib.suppress(ConnectionResetError):
                    assert client.socket.recv(1) == b""
            # One that closes TLS and leaves the connection open gets no more than the end.
            with Client(pooler, "app", tls=made.context()) as half, Client(pooler, "app", tls=made.context()) as other:
                assert half.values("SELECT 1") == ["1"]
                raw = socket.fromfd(half.socket.fileno(), socket.AF_INET, socket.SOCK_STREAM)
                half.socket.settimeout(30)
                with contextlib.suppress(ssl.SSLError, OSError):
                    half.socket.unwrap()
                wait_for(lambda: "closing because: client unexpected eof" in pooler.log(), "it is let go")
                raw.close()
                assert other.values("SELECT 1") == ["1"]
            before = pooler.log().count("closing because")
            old = subprocess.Popen(["openssl", "s_client", "-starttls", "postgres", "-tls1_2", "-connect", f"127.0.0.1:{pooler.port}"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            wait_for(lambda: pathlib.Path(f"/proc/{old.pid}").exists(), "it runs")
            told = old.communicate(b"R\n", timeout=30)[0]
            assert b"no renegotiation" in told, told[-500:]
            wait_for(lambda: pooler.log().count("closing because") > before, "it is let go")


def test_hostile_servers():
    """What a server says in the clear behind its answer is never used; garbage in place of a handshake is no login."""
    answers = {b"S" + b"R\0\0\0\x08\0\0\0\0": "received unencrypted data after SSL response", b"N" + b"R\0\0\0\x08\0\0\0\0": "received unencrypted data",
               b"E": "bad sslreq answer"}
    with folder() as home, socket.create_server(("127.0.0.1", 0)) as listener:
        made = Certificates(home)
        current = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        if connection.recv(8) == SSL_REQUEST:
                            connection.sendall(current[0])
                            while connection.recv(4096):
                                pass

        threading.Thread(target=serve, daemon=True).start()
        for answer, want in answers.items():
            current[:] = [answer]
            with contextlib.ExitStack() as stack:
                settings = {"query_wait_timeout": 2, "server_login_retry": 1, "server_tls_sslmode": "prefer"}
                for pooler in both(stack, home, {"app": f"host=127.0.0.1 port={listener.getsockname()[1]}"}, settings, made.files()):
                    with contextlib.suppress(ConnectionError):
                        Client(pooler, "app")
                    assert want in pooler.log(), (pooler.kind, want, pooler.log())


def test_bad_files_are_named_at_the_start():
    with folder() as home:
        made = Certificates(home)
        good = {key: value.replace("HOME", str(home)) for key, value in FOR_CLIENTS.items()}
        for settings, want in (({"client_tls_key_file": "/nowhere.key"}, 'private key file "/nowhere.key": No such file or directory'),
                               ({"client_tls_cert_file": made.path("server.key")}, "failed to load certificate file"),
                               ({"client_tls_key_file": made.path("alice.key")}, "key values mismatch"),
                               ({"client_tls_key_file": ""}, "client_tls_key_file and client_tls_cert_file must be set"),
                               ({"client_tls_sslmode": "verify-full"}, "client_tls_sslmode requires client_tls_ca_file"),
                               ({"server_tls_ca_file": "/nowhere.crt"}, 'failed to load CA file "/nowhere.crt"')):
            ini = home / "pool.ini"
            lines = "\n".join(f"{key} = {value}" for key, value in {**good, **settings, "unix_socket_dir": home, "listen_port": 1}.items())
            ini.write_text(f"[databases]\napp =\n[pgbouncer]\n{lines}\n")
            result = run([PGKEEP, "pool", ini], check=False, timeout=20)
            assert result.returncode == 2 and want in result.stderr and str(ini) in result.stderr, (settings, result.stderr)


def test_reload_takes_new_files_and_modes():
    """Other contents of the same files are for new connections; another sslmode sends servers away."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        made.secure(server, hba="host all all 127.0.0.1/32 trust\n")
        other = Certificates(home / "other")
        with contextlib.ExitStack() as stack:
            settings = {**FOR_CLIENTS, "server_tls_sslmode": "disable"}
            for pooler in both(stack, home, {"app": at(server)}, settings, made.files()):
                def reload():
                    heard = pooler.log().count("re-reading config")
                    pooler.signal(signal.SIGHUP)
                    wait_for(lambda: pooler.log().count("re-reading config") > heard, "it heard SIGHUP")

                encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                with Client(pooler, "app", tls=made.context()) as client:
                    assert client.values(encrypted) == ["f"]
                    for name in ("server.crt", "server.key"):
                        (pooler.home / name).write_text(other.text(name))
                    ini = pooler.home / "pool.ini"
                    ini.write_text(ini.read_text().replace("server_tls_sslmode = disable", "server_tls_sslmode = require"))
                    reload()
                    wait_for(lambda: client.values(encrypted) == ["t"], "the next server is encrypted")
                    wait_for(lambda: psql(pooler, "verify-full", made=other) == "42", "the new certificate is shown")
                    assert "certificate verify failed" in psql(pooler, "verify-full", made=made)
                    (pooler.home / "server.crt").write_text("broken")
                    reload()
                    wait_for(lambda: re.search("failed to load certificate|TLS configuration could not be reloaded", pooler.log()), "it says so")
                    assert psql(pooler, "verify-full", made=other) == "42", "it goes on with the old one"
                    assert client.values("SELECT 1") == ["1"]


SLOW = ["test_clients_in_every_mode", "test_servers_in_every_mode"]
