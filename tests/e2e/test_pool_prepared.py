"""pgkeep pool: prepared statements of clients in transaction mode, on whatever server answers. PgBouncer can since 1.21: Debian's cannot be run beside."""
import socket
import struct
import threading
import time

from pooler import BACKENDS, Client, Console, Pooler, error_text, errors_in, memory_kb, must_be_below
from support import Server, bin_of, folder, run, wait_for
from test_pool_queries import address, pgbench

USERS = '"postgres" ""\n'


def parse(name, sql):
    return Client.message(b"P", name.encode() + b"\0" + sql.encode() + b"\0\0\0")


def bind(name, *values):
    body = b"\0" + name.encode() + b"\0\0\0" + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", len(value)) + value.encode()
    return Client.message(b"B", body + b"\0\0")


def describe(name):
    return Client.message(b"D", b"S" + name.encode() + b"\0")


def close(name):
    return Client.message(b"C", b"S" + name.encode() + b"\0")


EXECUTE = Client.message(b"E", b"\0\0\0\0\0")
SYNC = Client.message(b"S")


def said(client, *messages):
    """The kinds of what comes back, and the first column of each row."""
    client.send(*messages, SYNC)
    kinds, rows = "", []
    for kind, content in client.until(b"Z"):
        kinds += kind.decode()
        if kind == b"D":
            rows.append(content[6:6 + struct.unpack("!i", content[2:6])[0]].decode())
        if kind == b"E":
            rows.append(error_text(content))
    return kinds, rows


def test_programs():
    with Server(15) as server, folder() as home:
        run([bin_of(15) / "pgbench", "-q", "-i", "-s", "1", server.uri()])
        for most in (200, 2):  # With two each statement makes another go.
            settings = {"default_pool_size": 3, "max_prepared_statements": most}
            with Pooler("ours", home, {"app": address(server)}, settings, USERS) as pooler:
                # A thread for each client: pgbench waits for an answer to Parse while another client of the thread has a server.
                assert pgbench(pooler, "-M", "prepared", "-c", "8", "-t", "40", "-j", "8") == 320
                with Client(pooler, "app") as client:
                    known = [int(client.values("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'PGKEEP%'")[0]) for _ in range(3)]
                    assert 1 <= max(known) <= most, known


def test_one_statement_on_every_server():
    with Server(15) as server, folder() as home, \
            Pooler("ours", home, {"app": address(server)}, {"default_pool_size": 2}, USERS, loops=1) as pooler, \
            Client(pooler, "app") as one, Client(pooler, "app") as other:
        sql = "SELECT pg_backend_pid()::text || ' ' || $1"
        assert said(one, parse("s", sql), describe("s"), bind("s", "a"), EXECUTE)[0] == "1tT2DCZ"
        first = said(one, bind("s", "b"), EXECUTE)[1][0]
        other.query("BEGIN")
        pid = other.values("SELECT pg_backend_pid()::text")[0]
        # The one server is in use: the statement goes to the other one, which hears of it now, and nothing of that is seen.
        assert first.split()[0] == pid, "the one used last is used first"
        kinds, rows = said(one, bind("s", "c"), EXECUTE)
        assert kinds == "2DCZ" and rows[0].endswith(" c") and rows[0].split()[0] != pid, (kinds, rows, pid)
        other.query("COMMIT")
        # Another client's name for the same text costs nothing on a server that has it; its answer is made here, in its place.
        assert said(other, parse("t", sql), bind("t", "d"), EXECUTE, close("t"), parse("t", "SELECT 1"), bind("t"), EXECUTE)[0] in ("12DC312DCZ",)
        assert said(other, bind("t"), EXECUTE) == ("2DCZ", ["1"])


def test_errors_are_those_of_a_server():
    with Server(15) as server, folder() as home, \
            Pooler("ours", home, {"app": address(server)}, {"default_pool_size": 1}, USERS) as pooler, \
            Client(pooler, "app") as client:
        kinds, rows = said(client, parse("s", "SELECT 1"), parse("bad", "SELEC 1"), bind("s"), EXECUTE)
        assert kinds == "1EZ" and "syntax error" in rows[0], (kinds, rows)
        assert said(client, bind("s"), EXECUTE) == ("2DCZ", ["1"])
        assert "does not exist" in said(client, bind("bad"))[1][0]
        assert "already exists" in said(client, parse("s", "SELECT 2"))[1][0]
        assert said(client, bind("s"), EXECUTE) == ("2DCZ", ["1"])
        assert said(client, close("s"), parse("s", "SELECT 2"), bind("s"), EXECUTE) == ("312DCZ", ["2"])
        # What was never run because of an error before it is run the next time.
        kinds, rows = said(client, bind("nobody"), parse("late", "SELECT 3"), bind("late"), EXECUTE)
        assert kinds == "EZ", (kinds, rows)
        assert said(client, parse("late", "SELECT 3"), bind("late"), EXECUTE) == ("12DCZ", ["3"])
        for command in ("DISCARD ALL", "DEALLOCATE ALL"):
            assert not errors_in(client.query(command))
            assert "does not exist" in said(client, bind("late"))[1][0]
            assert said(client, parse("late", "SELECT 3"), bind("late"), EXECUTE) == ("12DCZ", ["3"])


def test_statements_of_a_client_have_a_limit():
    """client_statements_size: a client that never closes what it prepared is told so and sent away; its others, and who closes, are not."""
    with Server(15) as server, folder() as home, \
            Pooler("ours", home, {"app": address(server)}, {"client_statements_size": 20_000}, USERS) as pooler, \
            Client(pooler, "app") as other, Client(pooler, "app") as closes, Client(pooler, "app") as client:
        long = "SELECT '" + "x" * 1000 + "'"
        for number in range(50):
            assert said(closes, parse(f"s{number}", long), close(f"s{number}"))[0] == "13Z"
            if number % 10 == 9:
                closes.query("DEALLOCATE ALL")
        assert said(other, parse("s", long))[0] == "1Z"
        told = ""
        for number in range(50):
            told = said(client, parse(f"s{number}", long))
            if told[0] != "1Z":
                break
        assert told == ("1E", ["too many prepared statements (client_statements_size)"]) and number == 15 and client.is_closed(), (told, number)
        assert said(other, bind("s"), EXECUTE)[0] == "2DCZ"


def test_pipelines_in_parts():
    """Messages that come in pieces, long parameters, and answers in the order of the questions."""
    with Server(15) as server, folder() as home, \
            Pooler("ours", home, {"app": address(server)}, {"default_pool_size": 2}, USERS) as pooler:
        def work(number):
            with Client(pooler, "app") as client:
                long = "x" * 300_000
                stream = b"".join([parse("a", "SELECT $1::text"), bind("a", f"one {number}"), EXECUTE, SYNC,
                                   Client.message(b"Q", b"SELECT 'between'\0"), bind("a", long), EXECUTE, describe("a"), SYNC,
                                   close("a"), parse("a", "SELECT 'again ' || $1"), bind("a", str(number)), EXECUTE, SYNC])
                at = 0
                for size in [1, 3, 5, 2, 40, 7, 1000, 200_000] * 3:
                    client.socket.sendall(stream[at:at + size])
                    at += size
                client.socket.sendall(stream[at:])
                kinds, rows, ends = "", [], 0
                while ends < 4:
                    kind, content = client.read()
                    kinds += kind.decode()
                    ends += kind == b"Z"
                    if kind == b"D":
                        rows.append(content[6:6 + struct.unpack("!i", content[2:6])[0]].decode())
                results.append((kinds, rows == [f"one {number}", "between", long, f"again {number}"]))

        results = []
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert results == [("12DCZTDCZ2DCtTZ312DCZ", True)] * 8, results


def query(sql):
    return Client.message(b"Q", sql.encode() + b"\0")


def stood(server, home, settings=None, size=1, **options):
    return Pooler("ours", home, {"app": address(server)}, {"default_pool_size": size, **(settings or {})}, USERS, loops=1, **options)


def test_the_unnamed_statement_is_its_client_s():
    """PQprepare(conn, "") and later PQexecPrepared(conn, ""): never what another client parsed on that server. PgBouncer runs the other's (1.18 and later)."""
    with Server(15) as server, folder() as home, stood(server, home, size=2) as pooler, \
            Client(pooler, "app") as one, Client(pooler, "app") as other, Client(pooler, "app") as third:
        server.psql("CREATE TABLE acc AS SELECT generate_series(1, 5) AS id")
        assert said(one, parse("", "SELECT 'account ' || $1::int"), describe(""))[0] == "1tTZ"
        assert said(other, parse("", "DELETE FROM acc WHERE id = $1"), describe(""))[0] == "1tnZ"
        assert said(one, bind("", "3"), EXECUTE) == ("2DCZ", ["account 3"])
        # Another server has none, and one whose settings had to be changed has lost it.
        third.query("BEGIN")
        assert said(one, bind("", "4"), EXECUTE) == ("2DCZ", ["account 4"])
        third.query("COMMIT")
        third.query("SET application_name = 'another'")
        for number in range(2):
            third.query("SELECT 1")
            assert said(one, describe(""), bind("", str(number)), EXECUTE) == ("tT2DCZ", [f"account {number}"])
        # A text that was bound at once is not kept: then the server knows none, and says so.
        assert said(one, parse("", "SELECT 1"), bind(""), EXECUTE)[0] == "12DCZ"
        assert said(other, parse("", "DELETE FROM acc"), describe(""))[0] == "1tnZ"
        assert said(one, bind(""), EXECUTE) == ("EZ", ["unnamed prepared statement does not exist"])
        assert server.psql("SELECT count(*) FROM acc") == [["5"]]
        assert said(other, bind(""), EXECUTE)[0] == "2CZ"


def test_constants_are_those_of_the_client_s_settings():
    """PostgreSQL makes constants of literals when it parses a text: clients share a statement where they read it alike."""
    cases = [("TimeZone", "UTC", "America/New_York", "SELECT extract(epoch FROM timestamptz '2020-01-01 00:00')::int::text"),
             ("DateStyle", "ISO, MDY", "ISO, DMY", "SELECT (date '01/02/2020' - date '2020-01-01')::text"),
             ("IntervalStyle", "postgres", "sql_standard", "SELECT extract(epoch FROM interval '-1 1:00:00')::int::text"),
             ("standard_conforming_strings", "on", "off", r"SELECT length('a\\\\b')::text"),
             ("client_encoding", "UTF8", "LATIN1", "SELECT length('\u00e9')::text")]
    with Server(15) as server, folder() as home:
        for settings, more in (({}, []), ({"keep_session_settings": 1}, [("transform_null_equals", "off", "on", "SELECT (NULL = NULL)::text")])):
            with stood(server, home, settings) as pooler:
                for name, first, second, sql in [*cases, *more]:
                    with Client(pooler, "app", parameters={name: first}) as one, Client(pooler, "app", parameters={name: second}) as other, \
                            Client(pooler, "app", parameters={name: first}) as same, Client(pooler, "app") as cleaner:
                        cleaner.query("DISCARD ALL")
                        right = [client.query(sql) for client in (one, other)]
                        right = [[content[6:].decode() for kind, content in messages if kind == b"D"] for messages in right]
                        assert right[0] != right[1], (name, right)
                        found = [said(client, parse("s", sql), bind("s"), EXECUTE)[1] for client in (one, other, same)]
                        assert found == [right[0], right[1], right[0]], (name, found, right)
                        known = int(one.values("SELECT count(*) FROM pg_prepared_statements")[0])
                        assert known == 2, f"{name}: who reads a text alike shares it, {known} statements"
                        cleaner.query("DISCARD ALL")
                        # It changes its settings, and needs the statement where it has to be prepared anew.
                        other.query(f"SET {name} = '{first}'")
                        assert said(other, bind("s"), EXECUTE)[1] == found[0], name


def test_discard_all_in_front_of_parse_in_one_write():
    """As Npgsql says it. Nobody is told afterwards that our name for the text is taken, or not there."""
    with Server(15) as server, folder() as home, stood(server, home) as pooler, \
            Client(pooler, "app") as client, Client(pooler, "app") as other:
        def both(*messages):
            client.send(query(command), *messages, SYNC)
            return "".join(kind.decode() for _ in range(2) for kind, _ in client.until(b"Z"))

        for command in ("DEALLOCATE ALL", "DISCARD ALL", "discard all;"):
            for sql in (f"SELECT 'new {command}'", "SELECT 'known'"):
                kinds = both(parse("s", sql), bind("s"), EXECUTE)
                assert kinds == "CZ12DCZ", (command, sql, kinds)
                assert said(client, bind("s"), EXECUTE)[0] == "2DCZ"
                assert said(other, parse("t", sql), bind("t"), EXECUTE, close("t"))[0] == "12DC3Z"
            said(client, close("s"))
        # One that fails takes nothing away.
        assert said(client, parse("s", "SELECT 'kept'"))[0] == "1Z"
        client.query("BEGIN")
        assert both(bind("s"), EXECUTE) == "EZEZ"
        client.query("ROLLBACK")
        assert said(client, bind("s"), EXECUTE) == ("2DCZ", ["kept"])


def test_discard_all_in_pieces():
    """A text that the server has, prepared behind it before it is answered, however the two came."""
    with Server(15) as server, folder() as home, stood(server, home) as pooler, Client(pooler, "app") as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for front in range(1, 20):
            assert said(client, parse("s", "SELECT 1"), bind("s"), EXECUTE)[0] == "12DCZ"
            stream = query("DISCARD ALL; -- now") + parse("new", "SELECT 1") + bind("new") + EXECUTE + SYNC
            for piece in (stream[:front], stream[front:]):
                client.send(piece)
                time.sleep(0.002)  # However it comes: nothing is asserted about when.
            assert "".join(kind.decode() for _ in range(2) for kind, _ in client.until(b"Z")) == "CZ12DCZ", front
            assert said(client, close("new"))[0] == "3Z"


def test_deallocate_by_sql():
    """As PDO, DBD::Pg, psqlODBC, postgres_fdw and ECPG do. Servers know the statement by another name: others go on with it."""
    def deallocates(client, sql, kinds="CZ"):
        client.send(query(sql))
        assert "".join(kind.decode() for kind, _ in client.until(b"Z")) == kinds, sql

    with Server(15) as server, folder() as home, stood(server, home) as pooler, Client(pooler, "app") as client, Client(pooler, "app") as other:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for sql, name in (("DEALLOCATE s", "s"), ("deallocate prepare S;", "s"), ('/* x */ DEALLOCATE "S 1"', "S 1")):
            for begin, end in ((), ()), (("BEGIN",), ("COMMIT",)):
                for each in begin:
                    client.query(each)
                assert said(client, parse(name, "SELECT 1"), bind(name), EXECUTE)[0] == "12DCZ"
                deallocates(client, sql)
                assert said(client, parse(name, "SELECT 2"), bind(name), EXECUTE) == ("12DCZ", ["2"]), sql
                # In the extended protocol as well.
                client.send(parse("", sql), bind(""), EXECUTE, SYNC)
                assert "".join(kind.decode() for kind, _ in client.until(b"Z")) == "12CZ"
                for each in end:
                    client.query(each)
                assert said(client, bind(name), EXECUTE)[0] == "EZ"
        assert said(other, parse("o", "SELECT 1"), bind("o"), EXECUTE) == ("12DCZ", ["1"])
        deallocates(client, "DEALLOCATE o", "EZ")  # Nobody's but the other's.
        assert said(other, bind("o"), EXECUTE) == ("2DCZ", ["1"])
        assert said(client, parse("s", "SELECT 1"))[0] == "1Z"
        message = query("DEALLOCATE s")
        client.send(message[:9])
        time.sleep(0.01)  # In two pieces, as a rule.
        client.send(message[9:])
        assert [kind for kind, _ in client.until(b"Z")] == [b"C", b"Z"]
        assert said(client, parse("s", "SELECT 1"))[0] == "1Z"
        client.query("BEGIN")
        client.query("SELECT 1/0")
        deallocates(client, "DEALLOCATE s", "EZ")  # In a failed transaction nothing is done.
        client.query("ROLLBACK")
        assert said(client, bind("s"), EXECUTE) == ("2DCZ", ["1"])


def test_an_error_in_front_of_the_first_statement():
    """Of a server that nobody has prepared anything on: what it passes over is not there."""
    with Server(15) as server, folder() as home, stood(server, home) as pooler, Client(pooler, "app") as client:
        client.send(Client.message(b"E", b"no portal\0\0\0\0\0"))
        assert client.read()[0] == b"E"
        client.send(parse("s", "SELECT 1"), bind("s"), EXECUTE, SYNC)
        assert [kind for kind, _ in client.until(b"Z")] == [b"Z"]
        assert said(client, bind("s"), EXECUTE)[0] == "EZ"
        assert said(client, parse("s", "SELECT 2"), bind("s"), EXECUTE) == ("12DCZ", ["2"])


def test_discard_all_where_nobody_has_prepared():
    with Server(15) as server, folder() as home, stood(server, home, {"admin_users": "postgres"}, size=2) as pooler:
        for command in ("DEALLOCATE ALL", "DISCARD ALL", "SELECT 1; DEALLOCATE ALL"):
            with Client(pooler, "app") as client, Client(pooler, "app") as other:
                assert said(client, parse("s", "SELECT 1"), bind("s"), EXECUTE)[0] == "12DCZ"
                other.query("BEGIN")  # On that server.
                assert not errors_in(client.query(command))
                assert said(client, parse("s", "SELECT 2"), bind("s"), EXECUTE) == ("12DCZ", ["2"])
                other.query("COMMIT")
            with Console(pooler) as console:
                console.ask("RECONNECT")
            wait_for(lambda: server.psql(BACKENDS) == [["0"]], "the servers are gone")


def test_a_changed_plan_where_the_client_keeps_its_server():
    with Server(15) as server, folder() as home, stood(server, home, {"pin_sessions": 1}) as pooler, Client(pooler, "app") as client:
        server.psql("CREATE TABLE t AS SELECT 1 AS a")
        client.query("SELECT pg_advisory_lock(1)")
        assert said(client, parse("s", "SELECT * FROM t"), bind("s"), EXECUTE)[0] == "12DCZ"
        server.psql("ALTER TABLE t ADD b int")
        assert said(client, bind("s"), EXECUTE) == ("EZ", ["cached plan must not change result type"])
        assert said(client, close("s"), parse("s2", "SELECT * FROM t"))[0] == "31Z"
        assert said(client, bind("s2"), EXECUTE)[0] == "2DCZ"


def test_what_a_function_takes_away_is_prepared_anew():
    with Server(15) as server, folder() as home, stood(server, home) as pooler, Client(pooler, "app") as one, Client(pooler, "app") as other:
        for client in (one, other):
            assert said(client, parse("s", "SELECT 1"), bind("s"), EXECUTE) == ("12DCZ", ["1"])
        one.query("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
        assert said(one, bind("s"), EXECUTE)[0] == "EZ", "as without a pooler"
        for client in (one, other):
            assert said(client, bind("s"), EXECUTE) == ("2DCZ", ["1"])


def test_no_statements_from_now_on():
    """A reload with max_prepared_statements = 0: clients that have some keep them, whatever others say to the same servers."""
    with Server(15) as server, folder() as home, stood(server, home, {"admin_users": "postgres"}) as pooler, \
            Client(pooler, "app") as old, Console(pooler) as console:
        assert said(old, parse("s", "SELECT 1"), bind("s"), EXECUTE)[0] == "12DCZ"
        console.ask("SET max_prepared_statements = 0")
        with Client(pooler, "app") as new:
            for _ in range(2):
                assert not errors_in(new.query("DISCARD ALL"))
                assert said(old, bind("s"), EXECUTE) == ("2DCZ", ["1"])


def test_long_texts():
    """A text without a name goes on as it comes: it has no limit. It is not kept: bound once more later, it is where the server still has it."""
    with Server(15) as server, folder() as home, stood(server, home) as pooler, Client(pooler, "app") as client:
        for name, megabytes in (("", 70), ("s", 9)):
            messages = (parse(name, "SELECT length('" + "x" * (megabytes << 20) + "')::text"), bind(name), EXECUTE, SYNC)
            sender = threading.Thread(target=client.send, args=messages)
            sender.start()
            kinds = "".join(kind.decode() for kind, _ in client.until(b"Z"))
            sender.join()
            assert kinds == "12DCZ", kinds
            assert said(client, bind(name), EXECUTE) == ("2DCZ", [str(megabytes << 20)])


def test_long_pipelines():
    """What a pooler keeps is of what is awaited, not of all that was said: as drivers say it that send rows without a pause."""
    with Server(15) as server, folder() as home, stood(server, home) as pooler, Client(pooler, "app") as client:
        assert said(client, parse("s", "SELECT $1"), bind("s", "0"), EXECUTE)[0] == "12DCZ"
        before = memory_kb(pooler.pid())
        for count, end in ((50_000, b""), (150_000, SYNC)):
            def rows(count=count, end=end):
                for first in range(0, count, 1000):
                    client.send(*(bind("s", str(i)) + EXECUTE + end for i in range(first, first + 1000)))
                client.send(SYNC)
            sender = threading.Thread(target=rows)
            sender.start()
            got = 0
            while got < count:
                kind, content = client.read()
                if kind == b"D":
                    assert content[6:] == str(got).encode(), (content, got)
                    got += 1
            client.until(b"Z")
            sender.join()
            if end:
                client.until(b"Z")  # Of the last row, and of what stands behind all.
            must_be_below(before + 30_000, memory_kb(pooler.pid()))
        assert said(client, bind("s", "end"), EXECUTE) == ("2DCZ", ["end"])


def flood(client, piece, bytes_max):
    """Sends it again and again, until nobody takes more; reads nothing."""
    client.socket.settimeout(3)
    try:
        for _ in range(bytes_max // len(piece)):
            client.socket.sendall(piece)
    except OSError:
        pass


def test_floods():
    """A client that does not read its answers is not read; one that asks for ever more that nobody can answer is sent away. Neither fills memory."""
    closes = close("x") * 8000
    with Server(15) as server, folder() as home, stood(server, home) as pooler:
        before = memory_kb(pooler.pid())
        for piece in (closes, (close("x") + SYNC) * 4000):
            with Client(pooler, "app") as client:
                flood(client, piece, 40_000_000)
                must_be_below(before + 30_000, memory_kb(pooler.pid()))
        for count, piece in ((1, closes), (2, (parse("x", "SELECT 1") + close("x")) * 2000)):
            with Client(pooler, "app") as client:
                client.send(parse("a", "SELECT 1"))
                flood(client, piece, 20_000_000)
                wait_for(lambda times=count: pooler.log().count("closing because: too many messages without a Sync") == times, "the pooler sends it away")
                must_be_below(before + 60_000, memory_kb(pooler.pid()))
        with Client(pooler, "app") as client:
            assert said(client, parse("s", "SELECT 1"), bind("s"), EXECUTE) == ("12DCZ", ["1"])
