"""What clients are told while no server can be had. What changed since PgBouncer 1.18 follows 1.25, and the test says so."""
import contextlib
import re
import threading

from pooler import KINDS, Client, Console, FakeServer, Pooler, error_fields, errors_in
from support import Server, folder, wait_for

USERS = '"postgres" ""\n"app" ""\n'
SETTINGS = {"admin_users": "postgres", "query_wait_timeout": 60, "server_login_retry": 60}


def test_a_server_that_refuses_all_and_those_who_wait():
    """Who waits hears at once what the server says, since 1.22 those who were in before too (1.18 lets them wait for query_wait_timeout); who comes
    then hears it without waiting, with the reason since 1.24. The log has it as the reason why the server was closed."""
    refusal = 'role "app" is not permitted to log in'
    with Server(15) as server, folder() as home, contextlib.ExitStack() as stack:
        server.psql("CREATE ROLE app LOGIN")
        pooler = stack.enter_context(Pooler("ours", home, {"app": f"host={server.home} port={server.port} dbname=postgres"}, SETTINGS, USERS))
        console = stack.enter_context(Console(pooler))
        clients = [stack.enter_context(Client(pooler, "app", "app")) for _ in range(8)]
        late = stack.enter_context(Client(pooler, "app", "app"))
        server.psql("ALTER ROLE app NOLOGIN")
        assert console.ask("PAUSE") == "PAUSE"
        for client in clients:  # All of them wait, in both loops.
            client.send(client.message(b"Q", b"SELECT 1\0"))
        wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == "8", "all wait")
        assert console.ask("RESUME") == "RESUME"
        for client in clients:
            told = client.until(b"E")
            assert errors_in(told) == [refusal] and error_fields(told[-1][1])["C"] == "28000" and client.is_closed()
        assert errors_in(late.query("SELECT 1")) == [f"server login has been failing, cached error: {refusal} (server_login_retry)"]
        for words in (f"S-0x\\w+: app/app@\\S+ closing because: {refusal} \\(age=", f"server login failed: FATAL {refusal}"):
            wait_for(lambda: re.search(words, pooler.log()), words)


def test_a_server_that_refuses_more_while_another_works():
    """Nobody loses his connection for that: a server will be free."""
    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE app LOGIN")
        for kind in KINDS:
            server.psql("ALTER ROLE app LOGIN")
            with Pooler(kind, home, {"app": f"host={server.home} port={server.port} dbname=postgres"}, SETTINGS, USERS) as pooler, \
                    Client(pooler, "app", "app") as busy, Client(pooler, "app", "app") as one, Client(pooler, "app", "app") as other:
                busy.query("BEGIN")
                server.psql("ALTER ROLE app NOLOGIN")
                for client in (one, other):
                    client.send(client.message(b"Q", b"SELECT 5\0"))
                wait_for(lambda: 'role "app" is not permitted to log in' in pooler.log(), f"{kind} was refused")
                busy.query("COMMIT")
                for client in (one, other):
                    assert client.until(b"Z")[-1] == (b"Z", b"I"), kind


def test_a_server_that_is_starting_up():
    """57P03 passes: who waits goes on waiting, since 1.21 who waits for a greeting too. Who comes to a pool that has no server hears it."""
    refusal = "the database system is starting up"
    with folder() as home, FakeServer() as server:
        for kind in KINDS:
            server.refusal = None
            with Pooler(kind, home, {"app": f"host=127.0.0.1 port={server.port}", "new": f"host=127.0.0.1 port={server.port}"},
                        {**SETTINGS, "server_login_retry": 2}, USERS) as pooler, Console(pooler) as console, \
                    Client(pooler, "app", "app") as client, Client(pooler, "app", "app") as late, contextlib.ExitStack() as stack:
                assert console.ask("RECONNECT") == "RECONNECT"
                wait_for(lambda: not console.rows("SHOW SERVERS"), "no server is left")
                server.refusal = ("57P03", refusal)
                client.send(client.message(b"Q", b"SELECT 1\0"))
                if kind == "ours":
                    newcomer = stack.enter_context(Client(pooler, is_started=False))
                    coming = threading.Thread(target=newcomer.start, args=("new", "app", {}))
                    coming.start()
                    wait_for(lambda: pooler.log().count(f"closing because: {refusal} (age=") >= 2, "both pools were refused")
                else:
                    wait_for(lambda: refusal in pooler.log(), "1.18 was refused")
                told = errors_in(late.query("SELECT 1"))
                assert told == ["server login has been failing, " + (f"cached error: {refusal} (server_login_retry)" if kind == "ours" else
                                                                      "try again later (server_login_retry)")]
                server.refusal = None
                assert client.until(b"Z")[-1] == (b"Z", b"I"), kind
                if kind == "ours":
                    coming.join(30)
                    assert newcomer.query("SELECT 1")[-1] == (b"Z", b"I")


def test_a_server_that_cannot_be_reached():
    """The reason that is told is the pooler's own."""
    with folder() as home, FakeServer() as server, Pooler("ours", home, {"app": f"host=127.0.0.1 port={server.port}"}, SETTINGS, USERS) as pooler, \
            Console(pooler) as console, Client(pooler, "app") as first, Client(pooler, "app") as second, \
            Client(pooler, "app") as third:
        server.close()
        console.ask("RECONNECT")
        first.send(first.message(b"Q", b"SELECT 1\0"))
        wait_for(lambda: "closing because: connect failed" in pooler.log(), "it tried")
        assert errors_in(second.query("SELECT 1")) == ["server login has been failing, cached error: connect failed (server_login_retry)"]
        assert console.row("SHOW POOLS", database="app")["cl_waiting"] == "1", "who waits may still be served"
        assert console.ask("PAUSE app") == "PAUSE"
        third.send(third.message(b"Q", b"SELECT 1\0"))  # Whoever asks now waits for RESUME, whatever became of the last login.
        wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == "2", "it waits")

