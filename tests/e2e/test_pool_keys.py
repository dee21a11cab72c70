"""pgkeep pool: one behaviour of each key that no other test is about: test_pool_every_key.py has the list."""
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
import time

from pooler import KINDS, PGBOUNCER, Client, Console, Pooler, errors_in
from support import PGKEEP, PSQL, Server, Skip, as_account, folder, free_port, run, wait_for

POSTGRES = '"postgres" ""\n'


@contextlib.contextmanager
def server_and_home():
    with Server(15) as server, folder() as home:
        yield server, home, f"host=127.0.0.1 port={server.port} dbname=postgres"


def notices_in(messages):
    return [field[1:].decode() for kind, content in messages if kind == b"N" for field in content.split(b"\0") if field[:1] == b"M"]


def started(pooler, database="postgres"):
    """A client that has said who it is, and waits for what it is told."""
    client = Client(pooler, is_started=False)
    body = struct.pack("!I", 196608) + b"user\0postgres\0database\0" + database.encode() + b"\0\0"
    client.socket.sendall(struct.pack("!I", len(body) + 4) + body)
    return client


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
            with Client(pooler) as first, started(pooler) as second:
                first.query("BEGIN")
                assert notices_in(second.until(b"Z")) == ["you are at the pooler"]
                second.send(second.message(b"Q", b"SELECT 1\0"))
                told = second.read()
                assert notices_in([told]) == ["No server connection available in postgres backend, client being queued"]
                first.query("COMMIT")
                assert [kind for kind, _ in second.until(b"Z")] == [b"T", b"D", b"C", b"Z"]


def test_the_address_in_application_name():
    """application_name_add_host; through a Unix socket with the process and the machine."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"application_name_add_host": 1}, POSTGRES) as pooler:
                told = run([PSQL, "-X", "-A", "-t", "-h", pooler.home, "-p", pooler.port, "-U", "postgres", "-c", "SHOW application_name"]).stdout
                assert re.fullmatch(rf"psql - unix\(\d+@{re.escape(socket.gethostname())}\):{pooler.port}\n", told), (kind, told)
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


def answering(port, *addresses):
    """Those of the addresses where somebody takes connections."""
    found = []
    for address in addresses:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((address, port), timeout=30):
            found.append(address)
    return found


def test_where_it_listens():
    """listen_addr: one, a list, IPv6, a name, "*" or none at all; a Unix socket there is as well."""
    with folder() as home:
        for value, wanted in (("*", ["127.0.0.1", "127.0.0.2", "::1"]), ("127.0.0.1,127.0.0.2", ["127.0.0.1", "127.0.0.2"]), ("::1", ["::1"]),
                              (" 127.0.0.2 , ::1", ["127.0.0.2", "::1"]), ("", [])):
            for kind in KINDS:
                with Pooler(kind, home, {"app": ""}, {"listen_addr": value}, POSTGRES) as pooler:
                    assert answering(pooler.port, "127.0.0.1", "127.0.0.2", "::1") == wanted, (kind, value)
                    assert (pooler.home / f".s.PGSQL.{pooler.port}").is_socket(), (kind, value)


def test_addresses_that_cannot_be_had():
    """listen_addr with one that is not this machine's, or is taken: it goes on with the others, as where "localhost" has an IPv6 address that is switched off."""
    with folder() as home, socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        for value, lost in (("192.0.2.1,127.0.0.1", "192.0.2.1:PORT: bind(): Cannot assign requested address"),
                            ("127.0.0.1, 127.0.0.1", "127.0.0.1:PORT: bind(): Address already in use"),
                            ("127.0.0.1,127.0.0.2", "127.0.0.2:PORT: bind(): Address already in use")):
            for kind in KINDS:
                with Pooler(kind, home, {"app": ""}, {"listen_addr": value, "listen_port": port}, POSTGRES) as pooler:
                    pooler.port = port
                    assert f"WARNING cannot listen on {lost.replace('PORT', str(port))}\n" in pooler.log(), (kind, value, pooler.log())
                    assert f"LOG listening on 127.0.0.1:{port}\n" in pooler.log(), (kind, value, pooler.log())
                    assert answering(port, "127.0.0.1") == ["127.0.0.1"], (kind, value)
        # None is left. 1.18 goes on with a Unix socket where it has one, 1.25 does not.
        for kind, settings in (("ours", {}), *((kind, {"unix_socket_dir": ""}) for kind in KINDS)):
            try:
                with Pooler(kind, home, {"app": ""}, {"listen_addr": "127.0.0.2,192.0.2.1", "listen_port": port, **settings}, POSTGRES) as pooler:
                    said = f"it runs: {pooler.log()}"
            except AssertionError as error:
                said = str(error)
            assert "FATAL" in said if kind == "pgbouncer" else "failed to listen on any address in listen_addr list: 127.0.0.2,192.0.2.1" in said, (kind, said)
            assert f"cannot listen on 127.0.0.2:{port}: bind(): Address already in use" in said, (kind, said)
            assert f"cannot listen on 192.0.2.1:{port}: bind(): Cannot assign requested address" in said, (kind, said)


def test_a_socket_without_a_file():
    """unix_socket_dir: a name with @ is no folder, on the side of clients as of servers (host); an empty one switches it off."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            name = f"@pgkeep-{free_port()}"
            with Pooler(kind, home, {"postgres": at}, {"unix_socket_dir": name, "listen_addr": ""}, POSTGRES) as behind:
                assert not list(behind.home.glob(".s.*")), kind
                with Pooler(kind, home, {"postgres": f"host={name} port={behind.port}"}, {"unix_socket_dir": ""}, POSTGRES) as pooler, \
                        Client(pooler) as client:
                    assert client.values("SELECT 1") == ["1"], kind
                    assert "postgres/postgres@unix" in behind.log() and "listening on unix" not in pooler.log(), kind


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
    """log_connections, log_disconnections, log_pooler_errors: each can be silenced; job_name and service_name (Windows') are taken."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            for is_on in (1, 0):
                settings = {"log_connections": is_on, "log_disconnections": is_on, "log_pooler_errors": is_on, "log_stats": 0,
                            "job_name": "j"}
                if kind == "ours":  # 1.18 has it on Windows only, 1.25 everywhere.
                    settings["service_name"] = "s"
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


def test_more_in_the_log():
    """verbose: of the file, of SET and of the file again."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            for value in (0, 1):
                with Pooler(kind, home, {"postgres": at}, {"verbose": value, "admin_users": "postgres"}, POSTGRES) as pooler, Console(pooler) as console:
                    def has_more():
                        before = len(pooler.log())
                        Client(pooler).close()
                        wait_for(lambda: "client unexpected eof" in pooler.log()[before:], f"{kind} logs that it left")
                        return bool(re.search(" DEBUG .*got connection", pooler.log()[before:]))

                    assert has_more() == bool(value), (kind, value)
                    console.ask(f"SET verbose = {1 - value}")
                    assert has_more() != bool(value), (kind, value)
                    console.ask("RELOAD")
                    wait_for(lambda: has_more() == bool(value), f"{kind}: what the file says counts again")


def test_another_file():
    """conffile: where the file is; after SET the next RELOAD reads another."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"admin_users": "postgres"}, POSTGRES) as pooler, Console(pooler) as console:
                ini, other = pooler.home / "pool.ini", pooler.home / "other.ini"
                other.write_text(ini.read_text().replace("postgres =", "moved ="))
                other.chmod(0o644)
                assert console.row("SHOW CONFIG", key="conffile")["value"] == str(ini), kind
                console.ask(f"SET conffile = '{other}'")
                assert [row["name"] for row in console.rows("SHOW DATABASES")] == ["pgbouncer", "postgres"], kind
                assert console.ask("RELOAD") == "RELOAD"
                assert [row["name"] for row in console.rows("SHOW DATABASES")] == ["moved", "pgbouncer"], kind
                other.write_text(ini.read_text().replace("postgres =", "again ="))
                pooler.signal(signal.SIGHUP)
                wait_for(lambda: any(row["name"] == "again" for row in console.rows("SHOW DATABASES")), f"{kind} stays with that file")


def test_the_log_in_a_file_and_the_file_of_the_process():
    """logfile and pidfile."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"logfile": "HOME/file.log", "pidfile": "HOME/pid"}, POSTGRES) as pooler:
                with Client(pooler) as client:
                    client.values("SELECT 1")
                wait_for(lambda: "login attempt" in (pooler.home / "file.log").read_text(), f"{kind} writes its file")
                assert int((pooler.home / "pid").read_text()) == pooler.pid(), kind
                umask = int(re.search(r"^Umask:\s+(\d+)$", pathlib.Path(f"/proc/{pooler.pid()}/status").read_text(), re.M).group(1), 8)
                assert stat.S_IMODE((pooler.home / "file.log").stat().st_mode) == 0o666 & ~umask, kind


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


def test_a_server_that_lets_nobody_in():
    """server_login_retry: so long the pooler waits before it tries again."""
    with folder() as home:
        for kind in KINDS:
            for seconds in (0.5, 2):
                with socket.create_server(("127.0.0.1", 0)) as refusing, contextlib.ExitStack() as stack:
                    refusing.settimeout(30)
                    databases = {"postgres": f"host=127.0.0.1 port={refusing.getsockname()[1]}"}
                    pooler = stack.enter_context(Pooler(kind, home, databases, {"server_login_retry": seconds}, POSTGRES))
                    stack.enter_context(started(pooler))
                    times = []
                    for _ in range(4):
                        refusing.accept()[0].close()
                        times.append(time.monotonic())
                    gaps = [after - before for before, after in zip(times, times[1:])]
                    # Both look a few times a second; a machine with much to do makes a gap longer, but not all of them.
                    assert min(gaps) > seconds - 0.15 and min(gaps) < seconds + 1, (kind, seconds, gaps)


def test_a_server_that_is_old():
    """server_lifetime: it goes once nobody works with it; with 0 it works for one transaction."""
    with server_and_home() as (_, home, at):
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"server_lifetime": 1}, POSTGRES) as pooler, Client(pooler) as client, Client(pooler) as late:
                client.query("BEGIN")
                first = client.values("SELECT pg_backend_pid()")
                late.values("SELECT 1")
                wait_for(lambda: "closing because: server lifetime over" in pooler.log(), f"{kind} closes the one that is idle")
                assert client.values("SELECT pg_backend_pid()") == first, kind
                client.query("COMMIT")
                wait_for(lambda: client.values("SELECT pg_backend_pid()") != first, f"{kind} closes the one that was in use")
            with Pooler(kind, home, {"postgres": at}, {"server_lifetime": 0}, POSTGRES) as pooler, Client(pooler) as client:
                assert len({client.values("SELECT pg_backend_pid()")[0] for _ in range(4)}) == 4, kind


def test_iterations_of_scram():
    """scram_iterations: what a client has to do where auth_file has the password itself. 1.18 has no such key."""
    with server_and_home() as (_, home, at):
        with Pooler("ours", home, {"postgres": at}, {"auth_type": "scram-sha-256", "scram_iterations": 1234}, '"postgres" "secret"\n') as pooler, \
                started(pooler) as client:
            client.until(b"R")
            first = b"n,,n=,r=nonce"
            client.send(client.message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
            assert client.until(b"RE")[-1][1].endswith(b",i=1234")


def test_a_pool_that_is_forgotten():
    """pool_idle_timeout, after the documentation of 1.25: of a forgotten pool nobody knows what its server says to who comes in."""
    with server_and_home() as (server, home, at):
        settings = {"server_idle_timeout": 1, "client_login_timeout": 2, "server_login_retry": 1, "admin_users": "postgres"}
        with Pooler("ours", home, {"postgres": at}, {**settings, "pool_idle_timeout": 1}, POSTGRES) as forgets, \
                Pooler("ours", home, {"postgres": at}, settings, POSTGRES) as remembers:
            for pooler in (forgets, remembers):
                with Client(pooler) as client:
                    client.values("SELECT 1")
            server.stop()

            last = begin = time.monotonic() - 1  # It may be forgotten already: stopping the server took a while.
            end = time.monotonic() + 3
            while begin < end:  # Whoever comes often enough finds it, in whichever loop, and however short he stays.
                begin = time.monotonic()
                try:
                    Client(forgets).close()
                except ConnectionError:
                    assert begin > last + 0.5, "a pool was forgotten that was in use"
                    break
                last = begin
                time.sleep(0.02)

            with Console(forgets) as console:
                def is_forgotten():
                    """Each login uses the pool anew, so it is left alone before; what looks at it (SHOW POOLS) can keep it a moment longer."""
                    wait_for(lambda: all(row["database"] != "postgres" for row in console.rows("SHOW POOLS")), "no loop has the pool")
                    try:
                        Client(forgets).close()
                    except ConnectionError as error:
                        return "client_login_timeout" in str(error)
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


def test_the_configuration_has_a_place_for_each_mistake():
    """A key that there is not, with the file and the line; the nearest key is ours alone to name."""
    with folder() as home:
        ini = home / "pool.ini"
        ini.write_text("[databases]\napp =\n[pgbouncer]\nlisten_prot = 1\n")
        home.chmod(0o755)
        for kind in KINDS:
            if kind == "pgbouncer" and PGBOUNCER is None:
                raise Skip("pgbouncer is not installed")
            told = run([PGKEEP, "pool", ini] if kind == "ours" else as_account([PGBOUNCER, ini]), check=False, timeout=20)
            assert told.returncode == (2 if kind == "ours" else 1) and f"{ini}:4" in told.stderr and "pgbouncer/listen_prot" in told.stderr, (kind, told)
            assert ("listen_port" in told.stderr) == (kind == "ours"), (kind, told)
