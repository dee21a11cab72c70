"""pgkeep pool: one behaviour of each key that no other test is about, and a list of all keys, so that none is forgotten."""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import stat
import struct
import threading

from pooler import Client, Pooler, errors_in
from support import TOP, Server, Skip, folder, run, wait_for

KINDS = ("ours", "pgbouncer")
POSTGRES = '"postgres" ""\n'

# What the pooler takes and does nothing with: there is nothing for it to do here. docs/pool.md says why.
WITHOUT_EFFECT = {"pkt_buf", "sbuf_loopcnt", "service_name", "job_name"}


def test_every_key_is_in_some_test():
    rows = re.findall(r'^\s+\{"([a-z0-9_]+)", &S::', (TOP / "src/pool/settings.cc").read_text(), re.MULTILINE)
    assert len(rows) > 100, rows
    here = pathlib.Path(__file__).parent
    text = "".join(path.read_text() for path in sorted(here.glob("test_pool*.py"))) + (here / "pooler.py").read_text()
    without_effect = {name for name in WITHOUT_EFFECT if f"`{name}`" not in (TOP / "docs/pool.md").read_text()}
    assert not without_effect, f"docs/pool.md does not say of {sorted(without_effect)} that nothing depends on them"
    text = text.replace(here.joinpath("test_pool_keys.py").read_text().split("def test_every_key")[0], "")  # The lists above name them only.
    missing = {name for name in rows if not re.search(rf"\b{name}\b", text)}
    refused = set(re.findall(r'"([a-z0-9_]+)"', (TOP / "src/pool/not_built.cc").read_text()))
    assert missing <= refused, f"keys that no test names: {sorted(missing - refused)}"


@contextlib.contextmanager
def server_and_home():
    with Server(15) as server, folder() as home:
        yield server, home, f"host=127.0.0.1 port={server.port} dbname=postgres"


def notices_in(messages):
    return [field[1:].decode() for kind, content in messages if kind == b"N" for field in content.split(b"\0") if field[:1] == b"M"]


def extended(client, sql):
    """The first column of a query in the extended protocol."""
    client.send(client.message(b"P", b"\0" + sql.encode() + b"\0\0\0"), client.message(b"B", b"\0\0\0\0\0\0\0\0"),
                client.message(b"E", b"\0\0\0\0\0"), client.message(b"S"))
    return [content[6:].decode() for kind, content in client.until(b"Z") if kind == b"D"]


def test_no_simple_queries():
    """disable_pqexec."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"disable_pqexec": 1}, POSTGRES) as pooler, Client(pooler) as client:
                assert extended(client, "SELECT 1") == ["1"], kind
                assert errors_in(client.query("SELECT 1")) == ["PQexec disallowed"], kind
                assert client.is_closed()


def test_what_clients_are_told_beside_their_answers():
    """login_notify_message and query_wait_notify: 1.18 has neither, so this follows the documentation of 1.25."""
    with server_and_home() as (_, home, at):
        settings = {"login_notify_message": "you are at the pooler", "query_wait_notify": 1}
        with Pooler("ours", home, {"postgres": at + " pool_size=1"}, settings, POSTGRES) as pooler:
            with Client(pooler) as first, Client(pooler, is_started=False) as second:
                first.query("BEGIN")
                body = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
                second.socket.sendall(struct.pack("!I", len(body) + 4) + body)
                assert notices_in(second.until(b"Z")) == ["you are at the pooler"]
                second.send(second.message(b"Q", b"SELECT 1\0"))
                told = second.read()
                assert notices_in([told]) == ["No server connection available in postgres backend, client being queued"]
                first.query("COMMIT")
                assert [kind for kind, _ in second.until(b"Z")] == [b"T", b"D", b"C", b"Z"]


def test_the_address_in_application_name():
    """application_name_add_host."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"application_name_add_host": 1}, POSTGRES) as pooler:
                for parameters, name in (({}, "app"), ({"application_name": "shop"}, "shop")):
                    with Client(pooler, parameters=parameters) as client:
                        port = client.socket.getsockname()[1]
                        assert client.values("SHOW application_name") == [f"{name} - 127.0.0.1:{port}"], kind


class Sockets:
    """The sockets of another process, as it has them itself."""

    def __init__(self, pid):
        if os.geteuid() != 0:
            raise Skip("only root may look at the sockets of another process")
        self.fds = []
        library = ctypes.CDLL(None, use_errno=True)
        self.process = os.pidfd_open(pid)
        self.found = []
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if not os.readlink(link).startswith("socket:"):
                    continue
                fd = library.syscall(438, self.process, int(link.name), 0)  # pidfd_getfd
                if fd < 0:
                    raise Skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
                self.found.append(socket.socket(fileno=fd))

    def tcp(self, port, is_listening=False):
        """Those with that port on this side, if it listens, else on the other side."""
        chosen = []
        for each in self.found:
            if each.family != socket.AF_INET:
                continue
            with contextlib.suppress(OSError):
                if bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)) != is_listening:
                    continue
                if (each.getsockname() if is_listening else each.getpeername())[1] == port:
                    chosen.append(each)
        return chosen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.found:
            each.close()
        os.close(self.process)


def test_options_of_sockets():
    """tcp_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl, tcp_user_timeout, tcp_socket_buffer of both sides; tcp_defer_accept; listen_backlog."""
    level, tcp = socket.SOL_SOCKET, socket.IPPROTO_TCP
    with server_and_home() as (server, home, at):
        for kind in KINDS:
            settings = {"tcp_keepcnt": 3, "tcp_keepidle": 77, "tcp_keepintvl": 7, "tcp_user_timeout": 12345, "tcp_socket_buffer": 50000,
                        "listen_backlog": 17}
            with Pooler(kind, home, {"postgres": at}, settings, POSTGRES) as pooler, Client(pooler) as client:
                client.values("SELECT 1")
                with Sockets(pooler.pid()) as sockets:
                    of_client = sockets.tcp(client.socket.getsockname()[1])
                    of_server = sockets.tcp(server.port)
                    assert len(of_client) == 1 and len(of_server) == 1, (kind, of_client, of_server)
                    for each in of_client + of_server:
                        assert each.getsockopt(level, socket.SO_KEEPALIVE) == 1, kind
                        assert [each.getsockopt(tcp, option) for option in (socket.TCP_KEEPCNT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)] == [3, 77, 7], kind
                        assert each.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 12345, kind
                        assert each.getsockopt(level, socket.SO_RCVBUF) == 100000, kind  # The kernel doubles it.
                    listening = sockets.tcp(pooler.port, is_listening=True)
                    for each in listening:
                        assert each.getsockopt(tcp, socket.TCP_DEFER_ACCEPT) > 0, kind
                        assert struct.unpack_from("I", each.getsockopt(tcp, socket.TCP_INFO, 104), 28)[0] == 17, kind
            with Pooler(kind, home, {"postgres": at}, {"tcp_keepalive": 0, "tcp_defer_accept": 0}, POSTGRES) as pooler, Client(pooler) as client:
                client.values("SELECT 1")
                with Sockets(pooler.pid()) as sockets:
                    assert [each.getsockopt(level, socket.SO_KEEPALIVE) for each in sockets.tcp(server.port)] == [0], kind
                    assert {each.getsockopt(tcp, socket.TCP_DEFER_ACCEPT) for each in sockets.tcp(pooler.port, is_listening=True)} == {0}, kind


def test_two_poolers_at_one_port():
    """so_reuseport."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"so_reuseport": 1}, POSTGRES) as first:
                with Pooler(kind, home, {"postgres": at}, {"so_reuseport": 1, "listen_port": first.port}, POSTGRES) as second:
                    second.port = first.port
                    with Client(second) as client:
                        assert client.values("SELECT 1") == ["1"], kind
                try:  # PgBouncer goes on with its other sockets.
                    with Pooler(kind, home, {"postgres": at}, {"listen_port": first.port}, POSTGRES) as third:
                        said = third.log()
                except AssertionError as error:
                    said = str(error)
                assert "Address already in use" in said, (kind, said)


def test_the_socket_in_a_folder():
    """unix_socket_mode."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"unix_socket_mode": "0710"}, POSTGRES) as pooler:
                mode = (pooler.home / f".s.PGSQL.{pooler.port}").stat().st_mode
                assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o710, (kind, oct(mode))


def test_which_idle_server_is_taken():
    """server_round_robin: the one used longest ago, or the one used last."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            for turns in (0, 1):
                with Pooler(kind, home, {"postgres": at}, {"server_round_robin": turns}, POSTGRES, loops=1) as pooler:
                    with Client(pooler) as first, Client(pooler) as second:
                        first.query("BEGIN")
                        second.values("SELECT 1")
                        first.query("COMMIT")  # Now there are two that nobody uses.
                        seen = [first.values("SELECT pg_backend_pid()")[0] for _ in range(4)]
                        assert len(set(seen)) == (2 if turns else 1), (kind, turns, seen)


def test_sizes_of_buffers_change_nothing_that_is_seen():
    """pkt_buf and sbuf_loopcnt: taken, and nothing depends on them; max_packet_size ends who says more."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            settings = {"pkt_buf": 512, "sbuf_loopcnt": 1, "max_packet_size": 200_000}
            with Pooler(kind, home, {"postgres": at}, settings, POSTGRES) as pooler, Client(pooler) as client:
                assert client.values(f"SELECT length('{'x' * 100_000}')") == ["100000"], kind
                assert len(client.values("SELECT repeat('y', 150000)")[0]) == 150_000, kind
                client.send(client.message(b"Q", b"SELECT '" + b"x" * 300_000 + b"'\0"))
                assert client.is_closed(), kind


def test_what_the_log_says():
    """log_connections, log_disconnections, log_pooler_errors: each can be silenced; verbose and job_name (service_name is Windows') are taken."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            for is_on in (1, 0):
                settings = {"log_connections": is_on, "log_disconnections": is_on, "log_pooler_errors": is_on, "log_stats": 0, "verbose": 0,
                            "job_name": "j"}
                with Pooler(kind, home, {"postgres": at}, settings, POSTGRES) as pooler:
                    with Client(pooler) as client:
                        client.values("SELECT 1")
                    with contextlib.suppress(ConnectionError):
                        Client(pooler, "nodb")
                    if is_on:
                        wait_for(lambda: "pooler error: no such database" in pooler.log(), f"{kind} logs errors")
                log = pooler.log()  # It is over: nothing more comes.
                assert ("login attempt" in log) == bool(is_on), (kind, log)
                assert ("new connection to server" in log) == bool(is_on), (kind, log)
                assert ("closing because" in log) == bool(is_on), (kind, log)
                assert ("pooler error" in log) == bool(is_on), (kind, log)


def test_the_log_in_a_file_and_the_file_of_the_process():
    """logfile and pidfile."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"logfile": "HOME/file.log", "pidfile": "HOME/pid"}, POSTGRES) as pooler:
                with Client(pooler) as client:
                    client.values("SELECT 1")
                wait_for(lambda: "login attempt" in (pooler.home / "file.log").read_text(), f"{kind} writes its file")
                assert int((pooler.home / "pid").read_text()) == pooler.pid(), kind


def test_startup_parameters():
    """ignore_startup_parameters and track_extra_parameters."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"ignore_startup_parameters": "extra_float_digits, geqo"}, POSTGRES) as pooler:
                with Client(pooler, parameters={"extra_float_digits": "2", "geqo": "off"}) as client:
                    assert client.values("SHOW geqo") == ["on"], kind
        settings = {"track_extra_parameters": "IntervalStyle"}  # 1.18 does not have the key: after the documentation of 1.25.
        with Pooler("ours", home, {"postgres": at + " pool_size=1"}, settings, POSTGRES) as pooler:
            with Client(pooler, parameters={"intervalstyle": "iso_8601"}) as one, Client(pooler) as other:
                for _ in range(2):
                    assert one.values("SELECT interval '1 day'") == ["P1D"]
                    assert other.values("SELECT interval '1 day'") == ["1 day"]


def test_queries_between_clients():
    """server_reset_query and server_reset_query_always: after each transaction; server_check_query after server_check_delay: before each."""
    with server_and_home() as (server, home, at):
        server.psql("CREATE SEQUENCE resets; CREATE SEQUENCE checks")
        for kind in KINDS:
            server.psql("ALTER SEQUENCE resets RESTART; ALTER SEQUENCE checks RESTART")
            for name, settings in (("resets", {"server_reset_query": "SELECT nextval('resets')", "server_reset_query_always": 1}),
                                   ("checks", {"server_check_query": "SELECT nextval('checks')", "server_check_delay": 0})):
                with Pooler(kind, home, {"postgres": at}, settings, POSTGRES, loops=1) as pooler, Client(pooler) as client:
                    for _ in range(3):
                        client.values("SELECT 1")
                    wait_for(lambda: int(server.psql(f"SELECT last_value FROM {name}")[0][0]) >= 2, f"{kind}: {name}")


def test_a_server_that_does_not_answer():
    """server_connect_timeout: the connection is given up; who waits is told by client_login_timeout."""
    with folder() as home, socket.create_server(("127.0.0.1", 0)) as silent:
        held = []
        threading.Thread(target=lambda: held.append(silent.accept()), daemon=True).start()
        for kind in KINDS:
            databases = {"postgres": f"host=127.0.0.1 port={silent.getsockname()[1]}"}
            settings = {"server_connect_timeout": 1, "client_login_timeout": 3, "server_login_retry": 100}
            with Pooler(kind, home, databases, settings, POSTGRES) as pooler:
                try:
                    Client(pooler)
                    raise AssertionError("somebody answered")
                except ConnectionError as error:
                    assert "client_login_timeout" in str(error), (kind, error)
                assert "closing because: connect timeout" in pooler.log(), kind


def test_iterations_of_scram():
    """scram_iterations: what a client has to do where auth_file has the password itself. 1.18 has no such key."""
    with server_and_home() as (_, home, at):
        with Pooler("ours", home, {"postgres": at}, {"auth_type": "scram-sha-256", "scram_iterations": 1234}, '"postgres" "secret"\n') as pooler, \
                Client(pooler, is_started=False) as client:
            body = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
            client.socket.sendall(struct.pack("!I", len(body) + 4) + body)
            client.until(b"R")
            first = b"n,,n=,r=nonce"
            client.send(client.message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
            assert client.until(b"RE")[-1][1].endswith(b",i=1234")


def test_a_pool_that_is_forgotten():
    """pool_idle_timeout, after the documentation of 1.25: of a forgotten pool nobody knows what its server says to who comes in."""
    with server_and_home() as (server, home, at):
        settings = {"server_idle_timeout": 1, "client_login_timeout": 2, "server_login_retry": 1}
        with Pooler("ours", home, {"postgres": at}, {**settings, "pool_idle_timeout": 1}, POSTGRES) as forgets, \
                Pooler("ours", home, {"postgres": at}, settings, POSTGRES) as remembers:
            for pooler in (forgets, remembers):
                with Client(pooler) as client:
                    client.values("SELECT 1")
            server.stop()

            def is_forgotten():
                try:
                    Client(forgets).close()
                except ConnectionError:
                    return True
                return False

            wait_for(is_forgotten, "a login waits for a server")
            Client(remembers).close()


def test_sessions_leave_a_server_that_is_outdated():
    """server_fast_close: after other connection settings (SIGHUP) a session that is idle ends, one in a transaction with that."""
    with server_and_home() as (server, home, at):
        server.create_database("other")
        for kind in KINDS:
            with Pooler(kind, home, {"app": at}, {"pool_mode": "session", "server_fast_close": 1}, POSTGRES) as pooler, \
                    Client(pooler, "app") as idle, Client(pooler, "app") as busy:
                idle.values("SELECT 1")
                busy.query("BEGIN")
                ini = pooler.home / "pool.ini"
                ini.write_text(ini.read_text().replace("dbname=postgres", "dbname=other"))
                pooler.signal(signal.SIGHUP)
                assert errors_in(idle.until(b"E")) == ["database configuration changed"], kind
                assert busy.values("SELECT current_database()") == ["postgres"], kind
                busy.query("COMMIT")
                assert errors_in(busy.until(b"E")) == ["database configuration changed"], kind
                with Client(pooler, "app") as late:
                    assert late.values("SELECT current_database()") == ["other"], kind


def test_a_cancel_request_that_nobody_takes():
    """cancel_wait_timeout: a server that does not take the request is not waited for; PgBouncer limits the wait for a free connection only."""
    with server_and_home() as (server, home, at):
        with Pooler("ours", home, {"postgres": at}, {"cancel_wait_timeout": 1}, POSTGRES) as pooler, Client(pooler) as client:
            client.send(client.message(b"Q", b"SELECT pg_sleep(600)\0"))
            wait_for(lambda: server.psql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(6%' AND state = 'active'"), "it runs")
            postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGSTOP)
            try:
                with Client(pooler, is_started=False) as asker:
                    asker.socket.sendall(struct.pack("!II", 16, 80877102) + client.key)
                    assert asker.is_closed(), "the one who asked still waits"
            finally:
                os.kill(postmaster, signal.SIGCONT)
            server.psql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(6%' AND pid <> pg_backend_pid()")


def test_the_configuration_has_a_place_for_each_mistake():
    """A key that there is not, with the file (SHOW CONFIG calls it conffile), the line and the nearest key."""
    with folder() as home:
        ini = home / "pool.ini"
        ini.write_text("[databases]\napp =\n[pgbouncer]\nlisten_prot = 1\n")
        result = run([os.environ.get("PGKEEP_BINARY", TOP / "build/release/pgkeep"), "pool", ini], check=False, timeout=20)
        assert result.returncode == 2 and f"{ini}:4" in result.stderr and "listen_port" in result.stderr, result.stderr
