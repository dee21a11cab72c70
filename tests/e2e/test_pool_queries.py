"""pgkeep pool: what goes through it: psql, pgbench, COPY, large results, errors, parameters; in every mode of pooling."""
import itertools
import re
import struct
import subprocess
import threading

from pooler import BACKENDS, KINDS, Client, Pooler, each_kind, error_text, errors_in, memory_kb, must_be_below
from support import PSQL, Server, bin_of, folder, run, wait_for


def address(server):
    return f"host={server.home} port={server.port} dbname=postgres"


def rows_in(messages):
    """The first column of each row, in bytes."""
    return [content[6:6 + struct.unpack("!i", content[2:6])[0]] for kind, content in messages if kind == b"D"]


def psql(pooler, *words, check=True, stdin=None):
    return run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", pooler.uri("app"), *words], check=check, input=stdin, timeout=60)


def pgbench(pooler, *words):
    result = run([bin_of(15) / "pgbench", "-n", "-h", "127.0.0.1", "-p", pooler.port, "-U", "postgres", *words, "app"], env={"PGSSLMODE": "disable"})
    assert re.search(r"number of failed transactions: 0 ", result.stdout), result.stdout
    return int(re.search(r"actually processed: (\d+)", result.stdout).group(1))


def test_programs_in_every_mode():
    with Server(15) as server, folder() as home:
        run([bin_of(15) / "pgbench", "-q", "-i", "-s", "1", server.uri()])
        users = '"postgres" ""\n'
        for mode, kind in itertools.product(("transaction", "session"), KINDS):
            with Pooler(kind, home, {"app": address(server)}, {"pool_mode": mode, "default_pool_size": 4}, users) as pooler:
                assert psql(pooler, "-c", "SELECT 40 + 2").stdout == "42\n"
                clients = "16" if mode == "transaction" else "4"
                for protocol in ("simple", "extended"):
                    assert pgbench(pooler, "-M", protocol, "-c", clients, "-t", "50", "-j", "2") == int(clients) * 50
                # Names of prepared statements live as long as the server's connection: only a session has them for itself.
                if mode == "session":
                    assert pgbench(pooler, "-M", "prepared", "-c", "4", "-t", "50") == 200
                assert int(server.psql(BACKENDS)[0][0]) <= 4, kind
            wait_for(lambda: server.psql(BACKENDS) == [["0"]], f"the servers of {kind} are gone")
        for kind in KINDS:
            with Pooler(kind, home, {"app": address(server)}, {"pool_mode": "statement"}, users) as pooler:
                assert psql(pooler, "-c", "SELECT 1").stdout == "1\n"
                refused = psql(pooler, "-c", "BEGIN", check=False)
                assert "transaction blocks not allowed in statement pooling mode" in refused.stderr, (kind, refused.stderr)


def test_copy_both_ways():
    for server, pooler in each_kind({"default_pool_size": 1}):
        server.psql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v text)")
        rows = "".join(f"{i}\t{'x' * 100}\n" for i in range(100_000))
        psql(pooler, "-c", "COPY t FROM STDIN", stdin=rows)
        assert psql(pooler, "-c", "COPY t TO STDOUT").stdout == rows
        failed = psql(pooler, "-c", "COPY t FROM STDIN", stdin="1\ttwice\n" + rows, check=False)
        assert "duplicate key" in failed.stderr, failed.stderr
        assert psql(pooler, "-c", "SELECT count(*) FROM t").stdout == "100000\n"  # The one server is free again.
        with Client(pooler, "app") as one, Client(pooler, "app") as other:
            # By the extended protocol: the Sync behind Execute is never answered.
            one.send(one.message(b"P", b"\0COPY t FROM STDIN\0\0\0"), one.message(b"B", b"\0\0\0\0\0\0\0\0"), one.message(b"E", b"\0\0\0\0\0"),
                     one.message(b"S"))
            assert one.until(b"G")[-1][0] == b"G"
            one.send(one.message(b"d", b"-1\ta\n"), one.message(b"c"), one.message(b"S"))
            assert one.until(b"Z")[-1] == (b"Z", b"I")
            assert other.values("SELECT v FROM t WHERE id = -1") == ["a"]
            # The client gives up.
            one.send(one.message(b"Q", b"COPY t FROM STDIN\0"))
            one.until(b"G")
            one.send(one.message(b"d", b"-2\ta\n"), one.message(b"f", b"changed my mind\0"))
            assert "changed my mind" in errors_in(one.until(b"Z"))[0]
            assert other.values("SELECT count(*) FROM t WHERE id = -2") == ["0"]


def test_unix_sockets_on_both_sides():
    for server, pooler in each_kind({"default_pool_size": 1}):
        uri = f"postgresql:///app?host={pooler.home}&port={pooler.port}&user=postgres"
        rows = "".join(f"{i}\t{'x' * 500}\n" for i in range(40_000))
        server.psql("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v text)")
        run([PSQL, "-X", "-q", "-d", uri, "-c", "COPY t FROM STDIN"], input=rows, timeout=60)
        assert run([PSQL, "-X", "-q", "-d", uri, "-c", "COPY t TO STDOUT"], timeout=60).stdout == rows
        assert re.search(r"app/postgres@unix\(\d+\):\d+ closing because: client close request", pooler.log())


def test_results_that_nobody_reads():
    """10 MB to a client that reads slowly, while another one works: memory stays bounded, and nothing is lost."""
    for server, pooler in each_kind({"default_pool_size": 2}, loops=1):
        big = "SELECT repeat(chr(65 + i % 26), 10000) FROM generate_series(1, 1000) i"
        with Client(pooler, "app") as slow, Client(pooler, "app") as other:
            slow.send(slow.message(b"Q", big.encode() + b"\0"))
            for _ in range(50):
                assert other.values("SELECT 7") == ["7"]
            must_be_below(60_000, memory_kb(pooler.pid()))
            rows = [content for kind, content in slow.until(b"Z") if kind == b"D"]
            assert len(rows) == 1000
            assert all(row[6:] == bytes([65 + (i + 1) % 26]) * 10000 for i, row in enumerate(rows))
            # A statement larger than any buffer.
            text = "y" * 3_000_000
            assert slow.values(f"SELECT length('{text}')") == ["3000000"]


def test_transactions_and_pipelines():
    for server, pooler in each_kind({"default_pool_size": 1}, loops=2):
        with Client(pooler, "app") as one, Client(pooler, "app") as other:
            assert one.query("BEGIN")[-1] == (b"Z", b"T")
            failed = one.query("SELECT 1/0")
            assert errors_in(failed) == ["division by zero"] and failed[-1] == (b"Z", b"E")
            # The other one waits until the transaction is over.
            other.send(other.message(b"Q", b"SELECT 'mine'\0"))
            assert errors_in(one.query("SELECT 1"))[0].startswith("current transaction is aborted")
            assert one.query("ROLLBACK")[-1] == (b"Z", b"I")
            assert [content[6:] for kind, content in other.until(b"Z") if kind == b"D"] == [b"mine"]
            # Ten queries in one go, and their ten answers, in pieces of one byte.
            stream = b"".join(one.message(b"Q", f"SELECT {i}\0".encode()) for i in range(10))
            for byte in stream:
                one.send(bytes([byte]))
            answers = []
            for _ in range(10):
                answers += [content[6:].decode() for kind, content in one.until(b"Z") if kind == b"D"]
            assert answers == [str(i) for i in range(10)]
            assert other.values("SELECT 'free'") == ["free"]
            # A batch without its Sync keeps the server.
            other.send(other.message(b"P", b"\0SELECT 1\0\0\0"), other.message(b"H"))
            assert other.read()[0] == b"1"
            one.send(one.message(b"Q", b"SELECT 'late'\0"))
            other.send(other.message(b"S"))
            other.until(b"Z")
            assert [content[6:] for kind, content in one.until(b"Z") if kind == b"D"] == [b"late"]


def test_large_queries_that_have_come_as_a_whole():
    """What is in the kernel already when a server is free raises no more events: it must be read to its end."""
    for server, pooler in each_kind({"default_pool_size": 1}, loops=1):
        with Client(pooler, "app") as holder, Client(pooler, "app") as waiter:
            for size in (65_523, 65_536, 100_000, 131_072, 180_000):
                holder.query("BEGIN")
                sql = f"SELECT length('{'x' * size}')".encode() + b"\0"
                waiter.send(waiter.message(b"Q", sql))
                other = Client(pooler, is_started=False)  # Its startup packet and a query, in one go.
                body = struct.pack("!I", 196608) + b"user\0postgres\0database\0app\0\0"
                other.send(struct.pack("!I", len(body) + 4) + body + other.message(b"Q", sql))
                assert other.until(b"Z")[-1] == (b"Z", b"I")
                holder.query("COMMIT")
                for client in (waiter, other):
                    assert [content[6:].decode() for kind, content in client.until(b"Z") if kind == b"D"] == [str(size)]
                other.close()


def test_parameters_follow_their_client():
    """The five that 1.18 tracks; IntervalStyle and `options` follow 1.25, and that nothing is set twice is ours."""
    show = "SELECT concat_ws('|', current_setting('TimeZone'), current_setting('application_name'), current_setting('DateStyle'))"
    for server, pooler in each_kind({"default_pool_size": 1}):
        kind = pooler.kind
        with Client(pooler, "app", parameters={"timezone": "Asia/Tokyo", "application_name": "it's one", "client_encoding": "LATIN1"}) as one, \
                Client(pooler, "app", parameters={"DateStyle": "German", "standard_conforming_strings": "off", "application_name": "two"}) as two, \
                Client(pooler, "app", parameters={"application_name": "plain"}) as plain:
            assert one.parameters["TimeZone"] == "Asia/Tokyo" and one.parameters["application_name"] == "it's one", kind
            pid = plain.values("SELECT pg_backend_pid()")
            for _ in range(3):
                assert one.values(show) == ["Asia/Tokyo|it's one|ISO, MDY"], kind
                assert rows_in(one.query("SELECT chr(233)")) == [b"\xe9"], kind
                assert two.values(show) == ["Etc/UTC|two|German, DMY"] and two.values(r"SELECT 'a\\b'") == [r"a\b"], kind
                assert plain.values(show) == ["Etc/UTC|plain|ISO, MDY"] and plain.values(r"SELECT 'a\\b'") == [r"a\\b"], kind
                assert rows_in(plain.query("SELECT chr(233)")) == ["\u00e9".encode()], kind
            assert one.values("SELECT pg_backend_pid()") == pid, "all of them by one server"
            one.query("SET TimeZone = 'America/Lima'")
            assert plain.values(show) == ["Etc/UTC|plain|ISO, MDY"], kind
            assert one.values(show) == ["America/Lima|it's one|ISO, MDY"], kind
            wrong = Client(pooler, "app", parameters={"timezone": "Mars/Olympus"})
            assert errors_in(wrong.query("SELECT 1")) == ["invalid server parameter"], kind
            assert plain.values("SELECT 1") == ["1"], kind
            if kind == "pgbouncer":  # It takes no name for no value: who has none would have the one of the client before.
                continue
            with Client(pooler, "app") as nameless:
                assert nameless.values(show) == ["Etc/UTC||ISO, MDY"]
            with Client(pooler, "app", parameters={"options": "-c IntervalStyle=iso_8601 -c application_name=three"}) as three:
                for _ in range(3):
                    assert three.values("SELECT interval '1 day', current_setting('application_name')") == ["P1D"]
                    assert three.values("SHOW application_name") == ["three"]
                    assert plain.values("SELECT interval '1 day'") == ["1 day"]
            # What means the same as what the server has is set once, and no more.
            with Client(pooler, "app", parameters={"DateStyle": "ISO"}) as same:
                for _ in range(3):
                    assert same.values("SELECT current_setting('DateStyle')") == ["ISO, MDY"]
                server.psql("ALTER SYSTEM SET log_statement = 'all'")
                server.psql("SELECT pg_reload_conf()")
                wait_for(lambda: same.values("SHOW log_statement") == ["all"], "statements are logged")
                same.values("SELECT 'after'")
                assert "SET DateStyle" not in (server.home / "log").read_text()
                server.psql("ALTER SYSTEM RESET log_statement")
                server.psql("SELECT pg_reload_conf()")


def test_no_answer_reaches_another_client():
    """Many clients on few servers and two loops, some of which go away in the middle: each gets its own rows, and no others."""
    for server, pooler in each_kind({"default_pool_size": 3, "max_client_conn": 200}):
        problems = []

        def work(number):
            try:
                for turn in range(12):
                    with Client(pooler, "app") as client:
                        for step in range(6):
                            nonce = f"{number}-{turn}-{step}"
                            sql = f"SELECT '{nonce}' FROM generate_series(1, {1 + (number * step) % 300})"
                            if (number + turn + step) % 9 == 0:
                                client.send(client.message(b"Q", sql.encode() + b"\0"))
                                break  # And gone, before the answer.
                            if step % 3 == 1:
                                client.send(client.message(b"P", b"\0" + sql.encode() + b"\0\0\0"), client.message(b"B", b"\0\0\0\0\0\0\0\0"),
                                            client.message(b"E", b"\0\0\0\0\0"), client.message(b"S"))
                                messages = client.until(b"Z")
                            else:
                                messages = client.query(sql)
                            rows = [content[6:].decode() for kind, content in messages if kind == b"D"]
                            errors = [error_text(content) for kind, content in messages if kind == b"E"]
                            if errors or len(rows) != 1 + (number * step) % 300 or set(rows) != {nonce}:
                                problems.append((nonce, errors, rows[:3], len(rows)))
            except Exception as problem:  # noqa: BLE001: whatever it is fails the test.
                problems.append((number, repr(problem)))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems, problems[:5]
        assert int(server.psql(BACKENDS)[0][0]) <= 3, pooler.kind
        assert subprocess.run(["kill", "-0", str(pooler.pid())], check=False).returncode == 0


SLOW = ["test_programs_in_every_mode"]
