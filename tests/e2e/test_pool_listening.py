"""pgkeep pool: LISTEN of clients that share their servers (share_listen, a key of ours)."""
import select
import socket

from pool_setup import DESCRIBE_PORTAL, Setup, notified, rows_in
from pooler import Client, Console, errors_in
from support import free_port, wait_for
from test_pool_prepared import EXECUTE, bind, parse, said
from test_pool_stats import scrape


def test_listeners_share_one_connection():
    port = free_port()
    with Setup({"share_listen": 1, "default_pool_size": 1, "metrics_listen": f"127.0.0.1:{port}"}, loops=3) as setup:
        clients = [setup.client() for _ in range(9)]
        news, both, nobody = clients[:3], clients[3:6], clients[6:]
        for i, client in enumerate(news + both):
            said_by_it = [b"LISTEN news\0", b"  listen NEWS ;\0", b'LISTEN "news"\0'][i % 3]
            client.send(client.message(b"Q", said_by_it))
            assert client.until(b"Z") == [(b"C", b"LISTEN\0"), (b"Z", b"I")]
        for client in both:
            assert said(client, parse("", 'LISTEN "New s"'), bind(""), DESCRIBE_PORTAL, EXECUTE) == ("12nCZ", [])
        count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        assert nobody[0].values("SELECT 1") == ["1"] and int(setup.server.psql(count)[0][0]) == 2, "one for queries, one that listens"
        assert setup.extras()["cl_listening"] == len(news + both)
        assert scrape(port)['pgkeep_pool_listening_clients{database="app",user="postgres"}'] == str(len(news + both))
        setup.server.psql("NOTIFY news, 'first'; NOTIFY \"New s\", 'second'")
        for client in nobody:
            assert not errors_in(client.query("NOTIFY news, 'third'"))
        for client in news:
            assert notified(client, 4) == ["news first"] + ["news third"] * 3
        for client in both:
            assert notified(client, 5) == ["news first", "New s second"] + ["news third"] * 3
        # Nothing comes in a transaction, all of it behind it.
        one = news[0]
        assert one.query("BEGIN")[-1] == (b"Z", b"T")
        setup.server.psql("NOTIFY news, 'meanwhile'")
        assert notified(news[1], 1) == ["news meanwhile"]
        assert [kind for kind, _ in one.query("SELECT 1")] == [b"T", b"D", b"C", b"Z"]
        assert one.query("COMMIT")[-1] == (b"Z", b"I")
        assert notified(one, 1) == ["news meanwhile"]
        # In a transaction LISTEN is answered as well.
        assert nobody[0].query("BEGIN")[-1] == (b"Z", b"T")
        assert nobody[0].query("LISTEN late") == [(b"C", b"LISTEN\0"), (b"Z", b"T")]
        nobody[0].query("COMMIT")
        setup.server.psql("NOTIFY late, 'but here'")
        assert notified(nobody[0], 1) == ["late but here"]
        for client, stop in zip(news, ("UNLISTEN news", "UNLISTEN *", "DISCARD ALL")):
            assert not errors_in(client.query(stop))
        setup.server.psql("NOTIFY news, 'to the rest'")
        assert notified(both[0], 1) == ["news meanwhile"] and notified(both[0], 1) == ["news to the rest"]
        for client in news[1:]:
            assert [kind for kind, _ in client.query("SELECT 1")][-1] == b"Z"
            assert not [kind for kind, _ in client.query("SELECT 1") if kind == b"A"]
        # Nobody is left in a server by a command that was not recognised.
        warned = nobody[1].query("SELECT 1; LISTEN news")
        assert [kind for kind, _ in warned] == [b"T", b"D", b"C", b"C", b"N", b"Z"] and b"SWARNING" in warned[4][1] and b"will not be heard" in warned[4][1]
        assert nobody[2].values("SELECT count(*)::text FROM pg_listening_channels()") == ["0"]
        for client in clients:
            client.close()
        wait_for(lambda: int(setup.server.psql(count)[0][0]) == 1, "nobody listens: the connection is closed")


LISTEN_NEWS = Client.message(b"Q", b"LISTEN news\0")
LISTENS = [(b"C", b"LISTEN\0"), (b"Z", b"I")]


def test_listeners_of_all_users_share_one_connection():
    """That of whoever was first. It stays while anybody listens, even when nobody is left in the pool that has it; then it is the next one's."""
    settings = {"share_listen": 1, "pool_idle_timeout": 1, "server_idle_timeout": 1}
    with Setup(settings, users=("postgres", "u1", "u2", "u3"), loops=3) as setup:
        clients = {user: [setup.client(user) for _ in range(3)] for user in ("u1", "u2", "u3")}
        everybody = [client for each in clients.values() for client in each]
        for client in everybody:
            assert client.query("LISTEN news") == LISTENS
        assert setup.ears() == ["u1"]
        assert [setup.extras(user)["cl_listening"] for user in clients] == [3, 3, 3]
        clients["u3"][0].query("NOTIFY news, 'first'")
        assert [notified(client, 1) for client in everybody] == [["news first"]] * 9
        for client in clients["u1"] + clients["u3"]:
            client.close()
        with Console(setup.pooler) as console:
            wait_for(lambda: [row["user"] for row in console.rows("SHOW POOLS") if row["database"] == "app"] == ["u1", "u2"], "pools that nobody needs go")
        with setup.client("u3") as late:
            assert late.query("LISTEN other") == LISTENS and setup.ears() == ["u1"]
            setup.server.psql("NOTIFY news, 'second'; NOTIFY other, 'third'")
            assert [notified(client, 1) for client in clients["u2"]] == [["news second"]] * 3 and notified(late, 1) == ["other third"]
        for client in clients["u2"]:
            client.close()
        wait_for(lambda: not setup.ears(), "nobody listens: the connection is closed")
        with setup.client("u2") as again:
            assert again.query("LISTEN news") == LISTENS and setup.ears() == ["u2"]


def test_limits_hold_for_the_connection_that_listens():
    """It gets the next place that is free, before those who wait for a server; and gives it back."""
    for limit in ("max_server_connections", "max_db_connections", "max_user_connections"):
        with Setup({"share_listen": 1, "default_pool_size": 5, limit: 2}) as setup:
            one, other, waiter, listener = [setup.client() for _ in range(4)]
            for client in (one, other):
                assert client.query("BEGIN")[-1] == (b"Z", b"T")
            waiter.send(Client.message(b"Q", b"SELECT 'waited'\0"))
            listener.send(LISTEN_NEWS)
            with Console(setup.pooler) as console:
                wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == "1" and setup.extras().get("cl_listening") == 1, "both wait")
                assert len(setup.backends()) == 2, limit
                one.query("COMMIT")
                assert listener.until(b"Z") == LISTENS and other.query("SELECT 1")[-1] == (b"Z", b"T")
                wait_for(lambda: len(setup.backends()) == 2 and len(setup.ears()) == 1, f"{limit}: one works, one listens")
                assert console.row("SHOW DATABASES", name="app")["current_connections"] == "2"
                assert not select.select([waiter.socket], [], [], 0)[0], "no server is left for it"
                other.query("COMMIT")
                assert rows_in(waiter.until(b"Z")) == ["waited"]
                setup.server.psql("NOTIFY news, 'heard'")
                assert notified(listener, 1) == ["news heard"] and len(setup.backends()) == 2, limit
                listener.close()
                for client in (one, other):
                    assert client.query("BEGIN")[-1] == (b"Z", b"T")
                wait_for(lambda: len(setup.backends()) == 2 and not setup.ears(), f"{limit}: both work, nobody listens")


def test_listeners_wait_for_a_place_no_longer_than_others():
    with Setup({"share_listen": 1, "max_server_connections": 1, "query_wait_timeout": 2}, users=("postgres", "u1", "u2")) as setup:
        with setup.client() as busy, setup.client("u1") as listener, setup.client("u2") as queued:
            busy.query("BEGIN")
            listener.send(LISTEN_NEWS)
            queued.send(Client.message(b"Q", b"SELECT 1\0"))
            for client in (listener, queued):
                assert errors_in(client.until(b"E")) == ["query_wait_timeout"] and client.is_closed()
            assert busy.query("COMMIT")[-1] == (b"Z", b"I") and busy.values("SELECT 1") == ["1"], "the place it waited for is nobody's"
        # With one place for all: an idle server gives way, and whoever listens needs no server.
        clients = [setup.client(user) for user in setup.users]
        for client in clients:
            assert client.query("LISTEN news") == LISTENS
        wait_for(lambda: len(setup.backends()) == 1, "one connection, which listens")
        setup.server.psql("NOTIFY news, 'to all'")
        assert [notified(client, 1) for client in clients] == [["news to all"]] * 3
        assert errors_in(clients[0].query("SELECT 1")) == ["query_wait_timeout"], "there is no place for a server"


def test_a_user_who_is_refused_keeps_nobody_from_listening():
    """All of them wait for the connection of the first one's pool; the server refuses him when there is a place for it at last."""
    with Setup({"share_listen": 1, "max_server_connections": 1}, users=("postgres", "u1", "u2"), loops=3) as setup:
        refused, others = setup.client("u1"), [setup.client("u2") for _ in range(3)]
        with setup.client() as busy:
            busy.query("BEGIN")
            refused.send(LISTEN_NEWS)
            wait_for(lambda: setup.extras("u1").get("cl_listening") == 1, "the first one listens, if it could")
            for client in others:
                client.send(LISTEN_NEWS)
            wait_for(lambda: setup.extras("u2").get("cl_listening") == 3, "the others too")
            setup.server.psql("ALTER ROLE u1 NOLOGIN")
            busy.query("COMMIT")
        heard = refused.until(b"E")
        assert errors_in(heard) == ['role "u1" is not permitted to log in'] and refused.is_closed(), heard
        assert [client.until(b"Z") for client in others] == [LISTENS] * 3 and setup.ears() == ["u2"]
        with setup.client("u1") as again:
            assert errors_in(again.query("LISTEN news")) == [
                'server login has been failing, cached error: role "u1" is not permitted to log in (server_login_retry)']
        setup.server.psql("NOTIFY news, 'to all'")
        assert [notified(client, 1) for client in others] == [["news to all"]] * 3


def test_listeners_and_what_an_administrator_does():
    with Setup({"share_listen": 1}, users=("postgres", "u1")) as setup, Console(setup.pooler) as console:
        def listeners():
            clients = [setup.client(user) for user in setup.users]
            for client in clients:
                assert client.query("LISTEN news") == LISTENS
            return clients

        heard = listeners()
        console.ask("PAUSE app")
        setup.server.psql("NOTIFY news, 'while all pause'")
        assert [notified(client, 1) for client in heard] == [["news while all pause"]] * 2, "it is nobody's server"
        console.ask("RESUME app")
        console.ask("RECONNECT app")
        for client in heard:
            assert errors_in(client.until(b"E")) == ["database configuration changed"] and client.is_closed()
        heard = listeners()
        console.ask("KILL app")
        assert all(client.is_closed() for client in heard)
        wait_for(lambda: not setup.backends(), "none of its connections is left")
        console.ask("RESUME app")
        waiting = [setup.client(user) for user in setup.users]
        console.ask("PAUSE app")
        for client in waiting:
            client.send(LISTEN_NEWS)
        wait_for(lambda: setup.extras("u1").get("cl_listening") == 1, "they wait for the end of the pause")
        wait_for(lambda: not setup.backends(), "a pause is one for it, too")
        console.ask("RESUME app")
        assert [client.until(b"Z") for client in waiting] == [LISTENS] * 2


def test_listeners_are_told_when_something_is_lost():
    with Setup({"share_listen": 1, "server_login_retry": 1}, loops=2) as setup:
        clients = [setup.client() for _ in range(4)]
        for client in clients:
            assert not errors_in(client.query("LISTEN news"))
        setup.server.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()")
        for client in clients:
            heard = client.until(b"E")
            assert errors_in(heard), heard
            assert client.is_closed()
        with setup.client() as again:
            assert not errors_in(again.query("LISTEN news"))
            setup.server.psql("NOTIFY news, 'back'")
            assert notified(again, 1) == ["news back"]


def test_a_channel_that_the_server_refuses_is_refused_to_who_asked():
    with Setup({"share_listen": 1}, loops=2) as setup, setup.client() as heard, setup.client() as one, setup.client(parameters={"client_encoding": "LATIN1"}) as latin:
        assert heard.query("LISTEN news") == LISTENS
        one.send(Client.message(b"Q", b'LISTEN "\xff"\0'))
        refused = one.until(b"Z")
        assert errors_in(refused) == ['invalid byte sequence for encoding "UTF8": 0xff'] and [kind for kind, _ in refused] == [b"E", b"Z"]
        assert one.query("LISTEN news") == LISTENS
        # It would be another channel to the connection that listens: it is a server's, as without share_listen.
        latin.send(Client.message(b"Q", 'LISTEN "événement"\0'.encode("latin1")))
        assert [kind for kind, _ in latin.until(b"Z")] == [b"C", b"N", b"Z"]
        one.query("BEGIN")
        one.send(Client.message(b"Q", b'LISTEN "\xff"\0'))
        assert "invalid byte sequence" in errors_in(one.until(b"E"))[0] and one.is_closed(), "its transaction cannot fail by that"
        setup.server.psql("NOTIFY news, 'to who stayed'")
        assert notified(heard, 1) == ["news to who stayed"]


def test_who_keeps_a_server_hears_all_the_same():
    """By a temporary table, or because the answers to a Query in an unfinished batch cannot be counted: an error has it passed over."""
    with Setup({"share_listen": 1, "pin_sessions": 1}) as setup, setup.client() as pinned, setup.client() as mixed:
        for client in (pinned, mixed):
            assert not errors_in(client.query("LISTEN news"))
        assert not errors_in(pinned.query("CREATE TEMPORARY TABLE kept ()"))
        mixed.send(bind("nobody") + EXECUTE + mixed.message(b"Q", b"SELECT 1\0") + mixed.message(b"S"))
        assert [kind for kind, _ in mixed.until(b"Z")] == [b"E", b"Z"]
        for client, other in ((pinned, mixed), (mixed, pinned)):
            client.send(client.message(b"Q", b"NOTIFY news, 'own'\0"))
            kinds = {client.read()[0] for _ in range(3)}
            assert kinds == {b"C", b"Z", b"A"}, kinds
            assert notified(other, 1) == ["news own"]
        setup.server.psql("NOTIFY news, 'of others'")
        for client in (pinned, mixed):
            assert notified(client, 1) == ["news of others"]
            assert client.values("SELECT 2") == ["2"]


def test_unlisten_among_other_commands():
    """The reset of asyncpg. Of single channels a tag does not say which: these go on."""
    with Setup({"share_listen": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        for client in (one, other):
            assert client.query("LISTEN news") == LISTENS
        assert not errors_in(one.query("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"))
        assert not errors_in(other.query("SELECT 1; UNLISTEN others"))
        setup.server.psql("NOTIFY news, 'said'")
        assert notified(other, 1) == ["news said"] and b"A" not in [kind for kind, _ in one.query("SELECT 1")]
        assert setup.extras()["cl_listening"] == 1


def test_listen_in_pieces_and_among_comments():
    """By Query, wherever it is cut; with a server and without."""
    for more in ({}, {"max_prepared_statements": 0}):
        with Setup({"share_listen": 1, **more}, loops=1) as setup, setup.client() as one:
            one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for in_block in (False, True):
                for sql in ("listen news", "/* to hear */ LISTEN\n-- what?\nnews /* all */;"):
                    message = one.message(b"Q", sql.encode() + b"\0")
                    for cut in range(0, len(message), 1 if len(sql) < 20 else 7):
                        if in_block:
                            one.query("BEGIN")
                        one.send(message[:cut])
                        with setup.client() as other:  # By then the first piece has come.
                            assert other.values("SELECT 1") == ["1"]
                        one.send(message[cut:])
                        assert [kind for kind, _ in one.until(b"Z")] == [b"C", b"Z"], (sql, cut)
                        if in_block:
                            one.query("COMMIT")
                        setup.server.psql(f"NOTIFY news, '{cut}'")
                        assert notified(one, 1) == [f"news {cut}"]
                        stop = one.message(b"Q", b"/* enough */ UNLISTEN news\0")
                        one.send(stop[:cut % len(stop)])
                        one.send(stop[cut % len(stop):])
                        assert one.until(b"Z") == [(b"C", b"UNLISTEN\0"), (b"Z", b"I")]
                        assert "cl_listening" not in setup.extras()


def test_who_vanishes_in_listen_keeps_no_server():
    """It waits for the connection that listens, in a transaction block."""
    with Setup({"share_listen": 1, "max_db_connections": 1}, loops=1) as setup, setup.client() as one, setup.client() as other:
        one.query("BEGIN")
        one.send(one.message(b"Q", b"LISTEN news\0"))
        one.close()
        wait_for(lambda: setup.backends("state = 'idle in transaction'") == [], "its server is closed")
        assert other.values("SELECT 1") == ["1"]


def test_a_listener_that_does_not_read_costs_no_more_than_its_queue():
    with Setup({"share_listen": 1, "listen_queue_size": 100_000}, loops=1) as setup, setup.client() as busy, setup.client() as other:
        assert not errors_in(busy.query("LISTEN news")) and not errors_in(other.query("LISTEN news"))
        busy.query("BEGIN")
        setup.server.psql("DO $$ BEGIN FOR i IN 1..30 LOOP PERFORM pg_notify('news', i || repeat('x', 7000)); END LOOP; END $$")
        assert len(notified(other, 30)) == 30
        assert "listen_queue_size" in errors_in(busy.until(b"E"))[0] and busy.is_closed()


def test_listening_is_a_servers_unless_asked():
    with Setup({"default_pool_size": 1}) as setup, setup.client() as one:
        assert not errors_in(one.query("LISTEN news"))
        assert one.values("SELECT * FROM pg_listening_channels()") == ["news"]
