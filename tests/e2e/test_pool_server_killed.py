"""pgkeep pool whose server is killed, kill -9 of the postmaster and all that it has: whatever a client does just then, it is told so, and works again when the
server is back, without a restart of the pooler.
"""
import contextlib
import re
import threading

from pooler import KINDS, Client, Console, Pooler, error_fields
from support import Server, folder, wait_for
from test_pool_prepared import EXECUTE, SYNC, bind, close, parse
from test_pool_queries import address

USERS = '"postgres" ""\n'
# What a client is told about its server, all with this SQLSTATE.
CRASHED, WAITED = "server conn crashed?", "query_wait_timeout"
CLOSED = "server connection closed"  # If it was busy with sending.
# 1.18 has no reason, since 1.24 it is the last one.
REASONS = r"connect failed|server conn crashed\?|the database system is starting up"
FAILING = rf"server login has been failing, (try again later|cached error: ({REASONS})) \(server_login_retry\)"
FATAL = {"S": "FATAL", "C": "08P01"}


def said_by(protocol, sql):
    """The messages of one statement, in simple protocol, or unnamed or named in the extended one."""
    if protocol == "simple":
        return Client.message(b"Q", sql.encode() + b"\0")
    name = "s" if protocol == "named" else ""
    return (close(name) if name else b"") + parse(name, sql) + bind(name) + EXECUTE + SYNC


def protocols(kind):
    """1.18 knows no named statements in transaction mode."""
    return ("simple", "unnamed", "named") if kind == "ours" else ("simple", "unnamed")


def is_served(pooler):
    """Whether a client that comes now gets an answer."""
    with Client(pooler, "app") as client:
        return client.query("SELECT 1")[-1:] == [(b"Z", b"I")]


def is_failing(text):
    return re.fullmatch(FAILING, text) is not None


def must_be_told(client, is_right, what):
    """A whole ErrorResponse as the last message before the end; no silent close, and no row of anybody."""
    messages = client.until(b"E")
    fields = error_fields(messages[-1][1]) if messages and messages[-1][0] == b"E" else {}
    assert {key: fields.get(key) for key in FATAL} == FATAL and is_right(fields["M"]), (what, messages)
    assert client.is_closed() and b"D" not in [kind for kind, _ in messages], (what, messages)


def test_server_killed():
    """kill -9 of the postmaster and all that it has: whatever a client does just then, it is told what happened, in PgBouncer's words; who did nothing stays."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            ways = protocols(kind)
            settings = {"default_pool_size": 3 * len(ways), "server_login_retry": 1, "query_wait_timeout": 4, "admin_users": "postgres"}
            with Pooler(kind, home, {"app": address(server)}, settings, USERS) as pooler, contextlib.ExitStack() as stack:
                def clients(what):
                    return {(kind, what, way): stack.enter_context(Client(pooler, "app")) for way in ways}

                in_flight, in_transaction, between, waiting, later, idle = map(clients, ("in flight", "in flight in a transaction", "between two", "waiting",
                                                                                        "later", "idle"))
                for (*_, way), client in [*in_transaction.items(), *between.items()]:
                    client.send(said_by(way, "BEGIN"))
                    assert client.until(b"Z")[-1] == (b"Z", b"T")
                for (*_, way), client in [*in_flight.items(), *in_transaction.items()]:
                    client.send(said_by(way, "SELECT pg_sleep(600)"))
                wait_for(lambda: server.psql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'")
                         == [[str(2 * len(ways))]], "they run")
                for (*_, way), client in waiting.items():
                    client.send(said_by(way, "SELECT 'waited'"))
                with Console(pooler) as console:
                    wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == str(len(ways)), "they wait")
                server.kill()
                for what, client in [*in_flight.items(), *in_transaction.items(), *between.items()]:
                    must_be_told(client, CRASHED.__eq__, what)
                for what, client in waiting.items():
                    must_be_told(client, WAITED.__eq__, what)
                for what, client in later.items():
                    client.send(said_by(what[-1], "SELECT 'later'"))
                    must_be_told(client, is_failing, what)
                for what, client in clients("new").items():  # What the server says at a start is known: it comes in.
                    client.send(said_by(what[-1], "SELECT 'new'"))
                    must_be_told(client, is_failing, what)
                wait_for(lambda: server.control("-l", server.home / "log", "start") == 0, "the server is back")
                wait_for(lambda: is_served(pooler), "the pooler sees it")
                for what, client in [*idle.items(), *clients("afterwards").items()]:
                    client.send(said_by(what[-1], "SELECT 'fine'"))
                    messages = client.until(b"Z")
                    assert [content[6:] for each, content in messages if each == b"D"] == [b"fine"] and messages[-1] == (b"Z", b"I"), (what, messages)


class Worker(threading.Thread):
    """One client after another that asks for its own number; it keeps what each connection's end was."""

    def __init__(self, pooler, way, number, stop):
        super().__init__()
        self.pooler, self.way, self.number, self.stop = pooler, way, number, stop
        self.answers, self.ends, self.wrong = 0, [], []

    def run(self):
        while not self.stop.is_set():
            try:
                with Client(self.pooler, "app") as client:
                    self.ask(client)
            except (ConnectionError, TimeoutError) as problem:
                self.wrong.append(repr(problem))
            self.stop.wait(0.05)

    def ask(self, client):
        while not self.stop.is_set():
            client.send(said_by(self.way, f"SELECT {self.number}"))
            messages = client.until(b"ZE")
            kind, content = messages[-1] if messages else (b"", b"")
            rows = [row[6:].decode() for each, row in messages if each == b"D"]
            if kind == b"Z" and rows == [str(self.number)]:
                self.answers += 1
            elif kind == b"E" and not rows:
                fields = error_fields(content)
                self.ends.append((fields["S"], fields["C"], fields["M"]))
                return
            else:
                self.wrong.append(messages or "the end without a word")
                return


def test_server_killed_under_load():
    """Every connection that ends is told why, and every client works again when the server is back, without a restart of the pooler."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": address(server)}, {"default_pool_size": 4, "server_login_retry": 1, "query_wait_timeout": 3}, USERS) as pooler:
                stop = threading.Event()
                ways = protocols(kind)
                workers = [Worker(pooler, ways[number % len(ways)], 100 + number, stop) for number in range(12)]
                for worker in workers:
                    worker.start()
                try:
                    wait_for(lambda: all(worker.answers > 20 for worker in workers), "the load runs")
                    server.kill()
                    wait_for(lambda: all(worker.ends or worker.wrong for worker in workers), "every one of them heard of it")
                    assert wait_for(lambda: server.control("-l", server.home / "log", "start") == 0, "the server is back")
                    before = [worker.answers for worker in workers]
                    wait_for(lambda: all(worker.answers > count + 20 for worker, count in zip(workers, before)), "all of them work again")
                finally:
                    stop.set()
                    for worker in workers:
                        worker.join()
                assert not any(worker.wrong for worker in workers), (kind, [worker.wrong for worker in workers])
                told = {end for worker in workers for end in worker.ends}
                assert {each[:2] for each in told} == {("FATAL", "08P01")}, (kind, told)
                assert all(text in (CRASHED, CLOSED, WAITED) or is_failing(text) for *_, text in told), (kind, told)
                assert pooler.process.poll() is None


SLOW = ["test_server_killed_under_load"]
