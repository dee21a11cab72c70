"""pgkeep pool when something goes wrong or takes long: clients that wait and leave, cancel requests, signals, limits."""
import contextlib
import os
import re
import signal
import socket
import struct
import threading

from pooler import KINDS, Client, FakeServer, Pooler, each_kind, errors_in, memory_kb, must_be_below
from support import Server, folder, wait_for

USERS = '"postgres" ""\n'


def address(server):
    return f"host={server.home} port={server.port} dbname=postgres"


def test_cancel():
    for server, pooler in each_kind({"default_pool_size": 2}):
        def ask(key):
            with socket.create_connection(("127.0.0.1", pooler.port), timeout=30) as asker:
                asker.sendall(struct.pack("!II", 16, 80877102) + key)
                assert asker.recv(1) == b"", "it ends when the request is through"

        with Client(pooler, "app") as one, Client(pooler, "app") as other:
            for _ in range(5):
                one.send(one.message(b"Q", b"SELECT pg_sleep(60)\0"))
                wait_for(lambda: server.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'") == [["1"]],
                         "it sleeps")
                ask(one.key)
                assert errors_in(one.until(b"Z")) == ["canceling statement due to user request"]
                assert other.values("SELECT 'untouched'") == ["untouched"]
            ask(one.key)  # Of an idle client: nobody's query is touched.
            ask(one.key[:4] + bytes(4))  # A wrong secret.
            ask(struct.pack("!II", 0xff000001, 1))
            assert one.values("SELECT 1") == ["1"] and other.values("SELECT 1") == ["1"]


class Gate:
    """The way to a server. While there is a crowd before it, whoever wants to connect is not refused: he waits."""

    def __init__(self, server):
        self.target = server.port
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.listener.settimeout(0.05)
        self.address = f"host=127.0.0.1 port={self.listener.getsockname()[1]} dbname=postgres"
        self.held = []
        self.open()

    def open(self):
        self.is_open = True
        self.keeper = threading.Thread(target=self.let_in)
        self.keeper.start()

    def shut(self):
        self.is_open = False
        self.keeper.join()

    def let_in(self):
        while self.is_open:
            with contextlib.suppress(TimeoutError):
                ends = [self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.target))]
                self.held += ends
                for source, sink in (ends, reversed(ends)):
                    threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def carry(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    @contextlib.contextmanager
    def crowd(self):
        """So many that the kernel takes no further connection."""
        self.shut()
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(self.listener.getsockname())
            yield
        self.open()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shut()
        for each in (self.listener, *self.held):
            each.close()


def runs_for_long(server, client):
    client.send(client.message(b"Q", b"SELECT pg_sleep(600)\0"))
    wait_for(lambda: server.psql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(6%' AND state = 'active'"), "it runs")
    return struct.pack("!II", 16, 80877102) + client.key


def test_a_cancel_request_that_nobody_takes():
    """cancel_wait_timeout, which 1.18 does not have, as 1.25 documents it: a request that gets to no server in that time is not waited for, and its
    client is disconnected; 0: it waits. That of peers is in test_a_peer_has_a_pool_for_cancel_requests."""
    with Server(15) as server, folder() as home:
        for seconds in (2, 0):
            with Gate(server) as gate, Pooler("ours", home, {"app": gate.address}, {"cancel_wait_timeout": seconds}, USERS) as pooler, \
                    Client(pooler, "app") as client, Client(pooler, is_started=False) as asker:
                request = runs_for_long(server, client)
                with gate.crowd():
                    asker.send(request)
                    assert not asker.is_closed(1), "it was not waited for"
                    assert asker.is_closed(7 if seconds > 0 else 3) == (seconds > 0)  # Of itself it would be 10 s.
                with Client(pooler, is_started=False) as again:
                    if seconds > 0:
                        again.send(request)
                    assert errors_in(client.until(b"Z")) == ["canceling statement due to user request"]
                assert asker.is_closed()


def test_a_cancel_request_to_a_server_that_sleeps():
    """Beyond what cancel_wait_timeout of 1.25 says: one that reached a server, which does not take it, is not waited for longer either. When it is taken at
    last, it hits nobody else: the server was closed when its client was done."""
    for server, pooler in each_kind({"cancel_wait_timeout": 1, "default_pool_size": 1}, ("ours",)):
        with Client(pooler, "app") as client, Client(pooler, "app") as other, Client(server, "postgres") as direct:
            request = runs_for_long(server, client)
            other.send(other.message(b"Q", b"SELECT 'not cancelled' FROM pg_sleep(1)\0"))
            postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGSTOP)
            try:
                with Client(pooler, is_started=False) as asker:
                    asker.send(request)
                    assert asker.is_closed(), "the one who asked still waits"
                direct.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(6%' AND pid <> pg_backend_pid()")
                assert errors_in(client.until(b"Z")) == ["canceling statement due to user request"]
            finally:
                os.kill(postmaster, signal.SIGCONT)
            answer = other.until(b"Z")
            assert not errors_in(answer) and answer[-1] == (b"Z", b"I"), answer


def test_waiting_and_its_end():
    for server, pooler in each_kind({"default_pool_size": 2, "query_wait_timeout": 2}, loops=2):
        clients = [Client(pooler, "app") for _ in range(12)]
        for client in clients:
            client.send(client.message(b"Q", b"SELECT pg_sleep(0.02), pg_backend_pid()\0"))
        answers = [client.until(b"Z") for client in clients]
        assert all(answer[-1] == (b"Z", b"I") for answer in answers)
        holders = clients[:2]
        for client in holders:
            client.query("BEGIN")
        waiter, gone = clients[2:4]
        gone.send(gone.message(b"Q", b"SELECT 1\0"))
        gone.close()  # While it waits.
        waiter.send(waiter.message(b"Q", b"SELECT 1\0"))
        assert errors_in(waiter.until(b"Z")) == ["query_wait_timeout"]
        for client in holders:
            assert client.query("COMMIT")[-1] == (b"Z", b"I")
        assert all(client.values("SELECT 5") == ["5"] for client in clients[4:])


def test_what_takes_too_long():
    """In the words of PgBouncer, which runs beside; transaction_timeout is 1.25's."""
    with Server(15) as server, folder() as home:
        for settings, ask, told in (
                ({"query_timeout": 1}, ["SELECT pg_sleep(30)"], "query timeout"),
                ({"idle_transaction_timeout": 1}, ["BEGIN"], "idle transaction timeout"),
                ({"client_idle_timeout": 1}, ["SELECT 1"], "client_idle_timeout"),
                ({"transaction_timeout": 1}, ["BEGIN", "SELECT pg_sleep(30)"], "transaction timeout")):
            for kind in KINDS if "transaction_timeout" not in settings else ("ours",):
                with Pooler(kind, home, {"app": address(server)}, {**settings, "pool_mode": "transaction"}, USERS) as pooler, \
                        Client(pooler, "app") as client:
                    for sql in ask[:-1]:
                        client.query(sql)
                    client.send(client.message(b"Q", ask[-1].encode() + b"\0"))
                    messages = client.until(b"E")
                    assert errors_in(messages) == [told], (kind, settings, messages)
        for kind in KINDS:
            limits = {"query_timeout": 1, "transaction_timeout": 1} if kind == "ours" else {"query_timeout": 1}
            with Pooler(kind, home, {"app": address(server)}, {"pool_mode": "session", **limits}, USERS) as pooler, Client(pooler, "app") as client:
                client.query("SELECT pg_sleep(0.7)")
                client.query("SELECT pg_sleep(0.7)")
                assert client.values("SELECT 1") == ["1"], "each query counts for itself"


def test_clients_that_leave_in_the_middle():
    """Their servers are closed where something was left in them, and the pool has its places again."""
    for server, pooler in each_kind({"default_pool_size": 2}):
        message = Client.message
        for left in (message(b"Q", b"BEGIN\0"), message(b"Q", b"SELECT pg_sleep(0.3)\0"), message(b"P", b"\0SELECT 1\0\0\0"),
                     message(b"Q", b"SELECT 1\0")[:9], b"Q\0", message(b"Q", b"COPY (SELECT 1) TO STDOUT\0")):
            for _ in range(3):
                client = Client(pooler, "app")
                client.send(left)
                if left.startswith(b"Q\0\0\0\x0aBEGIN"):
                    client.until(b"Z")
                client.close()
            with Client(pooler, "app") as after:
                assert after.values("SELECT 'fine'") == ["fine"], left
                assert after.query("SELECT 1")[-1] == (b"Z", b"I")
        for bad, told in ((message(b"?"), "unknown pkt"), (b"Q\0\0\0\1abc", "bad packet header: '5100000001616263'"), (message(b"p", b"x\0"), "unknown pkt")):
            with Client(pooler, "app") as client:
                client.send(bad)
                words = errors_in(client.until(b"Z"))
                assert words == [told] and client.is_closed(), (pooler.kind, words)


def test_what_a_client_said_before_it_went_is_done():
    """Where a server is free. Nobody waits for one who is gone."""
    for server, pooler in each_kind({"default_pool_size": 2}):
        server.psql("DROP TABLE IF EXISTS done; CREATE TABLE done (what text)")

        def said_and_gone(what, *more):
            with Client(pooler, "app") as client:
                assert client.values("SELECT 'here'") == ["here"]
                client.send(client.message(b"Q", f"INSERT INTO done VALUES ('{what}')\0".encode()), *more)

        for _ in range(20):
            said_and_gone("at once")
        wait_for(lambda: server.psql("SELECT count(*) FROM done") == [["20"]], "all are done")
        with Client(pooler, "app") as one, Client(pooler, "app") as two, Client(pooler, "app") as gone, Client(pooler, "app") as after:
            one.query("BEGIN")
            two.query("BEGIN")
            gone.send(gone.message(b"Q", b"INSERT INTO done VALUES ('late')\0"))
            gone.close()
            after.send(after.message(b"Q", b"SELECT 1\0"))
            one.query("COMMIT")
            two.query("COMMIT")
            assert after.until(b"Z")[-1] == (b"Z", b"I")
        assert server.psql("SELECT DISTINCT what FROM done") == [["at once"]], pooler.kind


def test_statement_mode_refuses_behind_whole_messages():
    """What the client is told is no part of a row."""
    with Server(15) as server, folder() as home:
        for more in ({}, {"max_prepared_statements": 0}):
            with Pooler("ours", home, {"app": address(server)}, {"pool_mode": "statement", **more}, USERS, loops=1) as pooler:
                for length in (10, 40_000, 150_000):
                    with Client(pooler, "app") as client:
                        heard = client.query(f"SELECT repeat('x', {length}); BEGIN")
                        assert [kind for kind, _ in heard] == [b"T", b"D", b"C", b"C", b"E"], (more, length, [kind for kind, _ in heard])
                        assert errors_in(heard) == ["transaction blocks not allowed in statement pooling mode"]
                        assert len(heard[1][1]) == length + 6 and not client.buffer


def test_hostile_clients():
    """They cost bounded memory and no server; whoever says nothing that is a message is cut off."""
    for server, pooler in each_kind({"default_pool_size": 2, "client_login_timeout": 2, "max_client_conn": 500}):
        slow = [Client(pooler, "app") for _ in range(50)]
        for client in slow:
            client.send(b"Q\0\0")  # A header that does not come.
        giant = Client(pooler, "app")
        giant.send(b"Q\x10\0\0\0" + b"SELECT 1 --" + b"x" * 4_000_000)  # A quarter of a gigabyte was announced.
        with Client(pooler, "app") as client:
            for _ in range(20):
                assert client.values("SELECT 1") == ["1"]
            must_be_below(60_000, memory_kb(pooler.pid()))
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", struct.pack("!II", 2_000_000_000, 196608), struct.pack("!II", 8, 131072), b"\x16\x03\x01\x02\0\x01"):
            with Client(pooler, is_started=False) as client:
                client.send(garbage)
                assert client.is_closed(), garbage
        endless = Client(pooler, is_started=False)
        endless.send(struct.pack("!II", 9_999, 196608) + b"a\0b\0" * 1000)
        assert endless.is_closed(), "client_login_timeout"
        giant.close()
        with Client(pooler, "app") as one, Client(pooler, "app") as two:
            assert one.query("BEGIN")[-1] == two.query("BEGIN")[-1] == (b"Z", b"T"), "both places are there"
        for client in slow:
            client.close()


def cut_off_slow_clients(pooler):
    startup = struct.pack("!II", 9_000, 196608) + b"a\0b\0" * 2000
    if pooler.kind == "pgbouncer":
        startup = startup[:7]  # 1.18 does not wait for the rest of a packet whose length it knows: it refuses it.
    query = b"Q" + struct.pack("!I", 1_000_000_000) + b"SELECT 1 --" + b"x" * 1000
    # One byte after another: that bytes come does not help.
    clients = [(Client(pooler, is_started=False), startup, "client_login_timeout") for _ in range(20)]
    clients += [(Client(pooler, "app"), query, "transaction timeout") for _ in range(5 if pooler.kind == "ours" else 0)]
    clients += [(Client(pooler, "app"), query[:3], "client_idle_timeout") for _ in range(20)]
    ends = {}
    for at in range(200):
        for i, (client, stream, _) in enumerate(clients):
            if i not in ends and client.is_closed(0):
                ends[i] = at
            elif i not in ends:
                with contextlib.suppress(ConnectionError):
                    client.send(stream[at:at + 1])
        if len(ends) == len(clients):
            break
        threading.Event().wait(0.05)
    assert len(ends) == len(clients), "all are cut off"
    for reason in {reason for _, _, reason in clients}:
        wait_for(lambda: f"closing because: {reason}" in pooler.log(), reason)
    with Client(pooler, "app") as client:
        assert client.values("SELECT 7") == ["7"]
    must_be_below(60_000, memory_kb(pooler.pid()))


def test_slow_clients_are_cut_off_by_a_timeout():
    """Who sends a byte now and then, or nothing, is not waited for longer than a key says; the log says why it went. TLS apart.

    transaction_timeout came with 1.25: 1.18 waits for ever for the end of a query that has begun.
    """
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            settings = {"client_login_timeout": 2, "client_idle_timeout": 2, "max_client_conn": 300, **({"transaction_timeout": 2} if kind == "ours" else {})}
            with Pooler(kind, home, {"app": address(server)}, settings, USERS) as pooler:
                cut_off_slow_clients(pooler)


def test_clients_that_never_read():
    """Who asks for much and takes nothing of it is cut off by a timeout, which the log says, and costs a buffer; transaction_timeout is 1.25's."""
    with Server(15) as server, folder() as home:
        for kind, key, reason in (("ours", "query_timeout", "query timeout"), ("pgbouncer", "query_timeout", "query timeout"),
                                  ("ours", "transaction_timeout", "transaction timeout")):
            with Pooler(kind, home, {"app": address(server)}, {"default_pool_size": 21, key: 5}, USERS) as pooler, contextlib.ExitStack() as stack:
                clients = [stack.enter_context(Client(pooler, "app")) for _ in range(20)]
                for client in clients:
                    client.send(client.message(b"Q", b"SELECT repeat('x', 100000) FROM generate_series(1, 3000) -- never read\0"))
                stuck = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%never read' AND state = 'active'"
                wait_for(lambda: server.psql(stuck) == [["20"]], "all of them are being answered")
                with Client(pooler, "app") as other:
                    assert other.values("SELECT 'unhindered'") == ["unhindered"]
                    wait_for(lambda: len(re.findall(f"C-.* closing because: {reason}", pooler.log())) == 20, "all are cut off")
                    must_be_below(60_000, memory_kb(pooler.pid()))
                    assert other.values("SELECT 'unhindered'") == ["unhindered"]
                wait_for(lambda: server.psql(stuck) == [["0"]], "their queries have ended")
                for client in clients:
                    got = client.until(b"")
                    assert {each for each, _ in got} <= {b"T", b"D", b"E"} and len(got) < 3000, (kind, key, len(got))


def test_messages_that_no_server_needs():
    """A gigabyte of a statement's text, endless parameters and lengths that cannot be: cut off at once, with a log line and without memory.

    1.18 waits for a message of any length, up to max_packet_size, and takes a server for it at once.
    """
    for server, pooler in each_kind({"max_client_conn": 300}, ("ours",)):
        for i in range(30):
            with Client(pooler, "app") as client:
                client.send(b"P" + struct.pack("!I", 1_000_000_000) + b"s\0SELECT 1")
                assert client.is_closed(), i
            with Client(pooler, is_started=False) as client:
                client.send(struct.pack("!II", 10_001, 196608) + b"a\0b\0" * 2000)
                assert client.is_closed(), i
            with Client(pooler, "app") as client:
                client.send(b"Q" + struct.pack("!I", 3))
                assert client.is_closed(), i
        for header, what in (("503b9aca00730053", "each statement"), ("0000271100030000", "each startup packet"), ("5100000003'", "each length")):
            wait_for(lambda: pooler.log().count(f"closing because: bad packet header: '{header}") == 30, f"a line for {what}")
        must_be_below(60_000, memory_kb(pooler.pid()))
        with Client(pooler, "app") as client:
            assert client.values("SELECT 7") == ["7"]


def test_session_mode_resets():
    for server, pooler in each_kind({"default_pool_size": 1, "pool_mode": "session"}):
        with Client(pooler, "app") as one:
            one.query("SET work_mem = '77MB'")
            first = one.values("SELECT pg_backend_pid()")
            one.query("CREATE TEMP TABLE mine (i int)")
            one.send(one.message(b"X"))
        with Client(pooler, "app") as two:
            assert two.values("SELECT pg_backend_pid()") == first, "the same server"
            assert two.values("SELECT current_setting('work_mem')") != ["77MB"]
            assert errors_in(two.query("SELECT * FROM mine")) == ['relation "mine" does not exist']


def test_servers_come_and_go_by_their_time():
    for server, pooler in each_kind({"server_idle_timeout": 1, "server_check_delay": 0}):
        with Client(pooler, "app") as client:
            first = client.values("SELECT pg_backend_pid()")
            assert client.values("SELECT pg_backend_pid()") == first, "checked by an empty query, and used"
            wait_for(lambda: "closing because: server idle timeout" in pooler.log(), "an idle server goes")
            assert client.values("SELECT pg_backend_pid()") != first, pooler.kind
            # A backend that is ended while nobody uses it is nobody's error.
            server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
            wait_for(lambda: re.search("closing because: (server conn crashed|.*server got dirty)", pooler.log()), "the pooler sees it")
            assert client.values("SELECT 1") == ["1"], pooler.kind


def test_signals():
    """SIGINT: what runs is let run. Nobody else is kept waiting meanwhile since 1.23, which is also the first to know SIGQUIT: the end at once."""
    for _, pooler in each_kind({"pidfile": "HOME/pid"}):
        assert int((pooler.home / "pid").read_text()) == pooler.pid()
        with Client(pooler, "app") as busy, Client(pooler, "app") as idle:
            busy.query("BEGIN")
            pooler.signal(signal.SIGINT)
            wait_for(lambda: "got SIGINT, shutting down" in pooler.log(), "it is shutting down")
            idle.send(idle.message(b"Q", b"SELECT 1\0"))
            if pooler.kind == "ours":
                assert errors_in(idle.until(b"Z")) == ["server shutting down"]
            assert busy.values("SELECT 3") == ["3"], f"{pooler.kind}: what runs is let run"
            assert busy.query("COMMIT")[-1] == (b"Z", b"I")
            assert pooler.process.wait(20) == 0
            assert idle.until(b"Z") == [] and busy.is_closed(), f"{pooler.kind}: no query is taken"
        assert "server connections dropped, exiting" in pooler.log()
        assert not (pooler.home / "pid").exists() and not list(pooler.home.glob(".s.PGSQL.*"))
    for _, pooler in each_kind({}, ("ours",)):
        with Client(pooler, "app") as busy:
            busy.query("BEGIN")
            pooler.signal(signal.SIGQUIT)
            assert pooler.process.wait(20) == 0 and busy.is_closed()


def test_a_reset_query_that_is_never_answered():
    """Its server is closed after server_idle_timeout: else it would keep its place in the pool for good."""
    settings = {"pool_mode": "session", "server_reset_query": "sleep", "server_idle_timeout": 1, "default_pool_size": 1}
    with folder() as home, FakeServer() as server:
        for kind in KINDS:
            with Pooler(kind, home, {"app": f"host=127.0.0.1 port={server.port}"}, settings, USERS) as pooler:
                for _ in range(2):
                    with Client(pooler, "app") as client:
                        assert client.query("SELECT 1")[-1] == (b"Z", b"I"), kind
                wait_for(lambda: "closing because: server idle timeout" in pooler.log(), f"{kind} says why")
