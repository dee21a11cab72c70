"""What pgkeep pool counts and shows of its connections: SHOW STATS and its kin, SHOW SOCKETS and its kin and the line of the log, as PgBouncer 1.18 from the
same ini file; and what Prometheus reads.
"""
import contextlib
import http.client
import os
import re
import socket
import struct

from pooler import KINDS, Client, Console, Pooler, each_kind
from support import ACCOUNT, Server, folder, free_port, pgkeep, wait_for

USERS = '"postgres" ""\n'


def at(server):
    return f"host={server.home} port={server.port} dbname=postgres"


def opened(kind, home, server, settings=None):
    return Pooler(kind, home, {"app": at(server), "second": at(server)}, {"admin_users": "postgres", **(settings or {})}, USERS)


def test_totals():
    """The same work is the same counts; times are at least what the work took."""
    told = {}
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server, {"default_pool_size": 1, "max_prepared_statements": 0} if kind == "ours" else {"default_pool_size": 1}) as pooler, \
                    Console(pooler) as console, Client(pooler, "app") as one, Client(pooler, "app") as other, Client(pooler, "second") as elsewhere:
                for sql in ("SELECT 1", "BEGIN", "SELECT pg_sleep(0.1)", "COMMIT", "SELECT nonsense"):
                    one.query(sql)
                one.send(one.message(b"P", b"\0SELECT 2\0\0\0"), one.message(b"B", bytes(8)), one.message(b"E", bytes(5)), one.message(b"S"))
                one.until(b"Z")
                one.query("BEGIN")
                other.send(other.message(b"Q", b"SELECT 3\0"))
                wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == "1", "it waits")
                one.query("SELECT pg_sleep(0.1)")
                one.query("COMMIT")
                other.until(b"Z")
                elsewhere.query("SELECT 4")
                row = console.row("SHOW STATS", database="app")
                told[kind] = {key: row[f"total_{key}"] for key in ("xact_count", "query_count", "received", "sent")}
                told[kind]["second"] = console.row("SHOW STATS", database="second")["total_query_count"]
                for key, least in (("xact_time", 200_000), ("query_time", 200_000), ("wait_time", 50_000)):
                    assert least <= int(row[f"total_{key}"]) < 60_000_000, (kind, row)
                assert int(row["total_xact_time"]) >= int(row["total_query_time"])
                totals = console.row("SHOW STATS_TOTALS", database="app")
                assert totals["query_count"] == row["total_query_count"] and totals["bytes_received"] == row["total_received"]
                rows = {row["name"]: int(row["value"]) for row in console.rows("SHOW TOTALS")}
                assert rows["total_client_bytes"] == sum(int(row["total_received"]) for row in console.rows("SHOW STATS"))
                assert set(console.rows("SHOW STATS_AVERAGES")[0]) == set(console.rows("SHOW STATS_TOTALS")[0])
    assert told["ours"] == told["pgbouncer"], told


def test_connections_as_they_are_shown():
    """SHOW SOCKETS: which client has which server; SHOW FDS: by which descriptors; SHOW ACTIVE_SOCKETS: who is behind with what he has to send."""
    for _, pooler in each_kind({"admin_users": "postgres"}):
        kind = pooler.kind
        with Client(pooler, "app") as busy, Client(pooler, "app") as idle, Console(pooler) as console:
            def shown(what):
                return [row for row in console.rows(f"SHOW {what}") if row["database"] == "app"]

            busy.query("BEGIN")
            idle.query("SELECT 1")
            ports = [str(client.socket.getsockname()[1]) for client in (busy, idle)]
            by_name = {row["ptr"]: row for row in shown("SOCKETS")}
            clients, servers = ([row for row in by_name.values() if row["type"] == kind_of] for kind_of in "CS")
            assert sorted(row["port"] for row in clients) == sorted(ports) and {row["state"] for row in clients} == {"cl_active"}, (kind, clients)
            assert sorted(row["state"] for row in servers) == ["sv_active", "sv_idle"], (kind, servers)
            links = {by_name[row["link"]]["port"] for row in servers if row["state"] == "sv_active"}
            assert links == {ports[0]} and all(not row["link"] for row in servers if row["state"] == "sv_idle"), (kind, servers)
            by_fd = {row["fd"]: row for row in shown("FDS")}
            assert sorted(row["task"] for row in by_fd.values()) == ["client", "client", "server", "server"], (kind, by_fd)
            of_clients = [row for row in by_fd.values() if row["task"] == "client"]
            said = {(row["client_encoding"], row["std_strings"], row["datestyle"], row["password"] or "") for row in of_clients}
            assert said == {("UTF8", "on", "ISO, MDY", "")}, (kind, said)
            assert all(os.readlink(f"/proc/{pooler.pid()}/fd/{fd}").startswith("socket:") for fd in by_fd), (kind, by_fd)
            linked = {row["port"]: by_fd[row["link"]]["task"] for row in by_fd.values() if row["link"] != "0" and row["task"] == "client"}
            assert linked == {ports[0]: "server"}, (kind, by_fd)
            assert any(row["task"] == "pooler" and row["port"] == str(pooler.port) for row in console.rows("SHOW FDS")), kind
            assert shown("ACTIVE_SOCKETS") == [], kind
            busy.send(busy.message(b"Q", b"SELECT repeat('x', 100000) FROM generate_series(1, 300)\0"))
            wait_for(lambda: shown("ACTIVE_SOCKETS"), f"{kind} has more than the client reads")
            busy.until(b"Z")
            wait_for(lambda: not shown("ACTIVE_SOCKETS"), f"{kind} is rid of it")


def test_what_else_is_shown():
    """SHOW MEM counts what there is; SELECT is another word for SHOW; SHOW STATE follows the documentation of 1.25."""
    for _, pooler in each_kind({"admin_users": "postgres"}):
        with Console(pooler) as console, contextlib.ExitStack() as stack:
            def used(what):
                return int(console.row("SHOW MEM", name=f"{what}_cache")["used"])

            before = used("client"), used("server")
            for _ in range(3):
                stack.enter_context(Client(pooler, "app")).query("BEGIN")
            assert (used("client"), used("server")) == (before[0] + 3, before[1] + 3), pooler.kind
            assert all(int(row["memtotal"]) >= int(row["size"]) * int(row["used"]) for row in console.rows("SHOW MEM")), pooler.kind
            assert console.rows("SELECT VERSION") == console.rows("SHOW VERSION"), pooler.kind
            assert [row["name"] for row in console.rows("SELECT DATABASES")] == ["app", "pgbouncer"], pooler.kind
            if pooler.kind == "ours":
                assert {row["key"]: row["value"] for row in console.rows("SHOW STATE")} == {"active": "yes", "paused": "no", "suspended": "no"}
                assert console.ask("SUSPEND") == "SUSPEND"
                assert {row["key"]: row["value"] for row in console.rows("SHOW STATE")} == {"active": "no", "paused": "no", "suspended": "yes"}
                assert console.ask("RESUME") == "RESUME"


def test_averages_and_the_log():
    """stats_period and log_stats. The line is that of 1.25, which has what it counts of prepared statements between the two of 1.18."""
    line = {"ours": r"LOG stats: (\d+) xacts/s, (\d+) queries/s, \d+ client parses/s, \d+ server parses/s, \d+ binds/s, in \d+ B/s, out \d+ B/s, xact \d+ us, query \d+ us, wait \d+ us",
            "pgbouncer": r"LOG stats: (\d+) xacts/s, (\d+) queries/s, in \d+ B/s, out \d+ B/s, xact \d+ us, query \d+ us, wait \d+ us"}
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server, {"stats_period": 1}) as pooler, Console(pooler) as console, Client(pooler, "app") as client:
                def work():
                    for _ in range(20):
                        client.query("SELECT 1")
                    found = re.findall(line[kind] + "$", pooler.log(), flags=re.M)
                    return any(int(xacts) > 0 and xacts == queries for xacts, queries in found)
                wait_for(work, "a line of the log shows the work")
                row = console.row("SHOW STATS", database="app")
                assert int(row["avg_query_count"]) > 0 and int(row["avg_recv"]) > 0 and int(row["avg_query_time"]) > 0, (kind, row)
                assert console.ask("SET log_stats = 0") == "SET log_stats=0"
                count = pooler.log().count("LOG stats:")
                wait_for(lambda: int(console.row("SHOW STATS", database="app")["avg_query_count"]) == 0, "two periods without work")
                assert pooler.log().count("LOG stats:") <= count + 1, kind


def test_prepared_statements_are_counted():
    """Follows the documentation of 1.25: parses of clients, those that reached a server, and binds; of named statements."""
    with Server(15) as server, folder() as home, opened("ours", home, server, {"default_pool_size": 1}) as pooler, Console(pooler) as console, \
            Client(pooler, "app") as one, Client(pooler, "app") as other:
        for client in (one, other):
            client.send(client.message(b"P", b"name\0SELECT 1\0\0\0"), client.message(b"S"))
            client.until(b"Z")
            for _ in range(3):
                client.send(client.message(b"B", b"\0name\0" + bytes(6)), client.message(b"E", bytes(5)), client.message(b"S"))
                client.until(b"Z")
        one.send(one.message(b"P", b"\0SELECT 2\0\0\0"), one.message(b"B", bytes(8)), one.message(b"E", bytes(5)), one.message(b"S"))
        one.until(b"Z")
        row = console.row("SHOW STATS", database="app")
        assert (row["total_client_parse_count"], row["total_server_parse_count"], row["total_bind_count"]) == ("2", "1", "6"), row
        assert [row["prepared_statements"] for row in console.rows("SHOW SERVERS")] == ["1"]


def scrape(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    text = response.read().decode()
    assert response.status == 200 and response.getheader("Content-Type").startswith("application/openmetrics-text"), response
    assert text.endswith("# EOF\n")
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_metrics():
    """metrics_listen, a key of ours: counters and gauges agree with the console, histograms with the counters."""
    port = free_port()
    with Server(15) as server, folder() as home, opened("ours", home, server, {"metrics_listen": f"127.0.0.1:{port}"}) as pooler, \
            Console(pooler) as console, Client(pooler, "app") as client:
        for _ in range(10):
            client.query("SELECT 1")
        client.query("SELECT pg_sleep(0.2)")
        client.query("BEGIN")
        label = '{database="app",user="postgres"'
        seen = scrape(port)
        row = console.row("SHOW STATS", database="app")
        assert seen[f"pgkeep_pool_queries_total{label}}}"] == row["total_query_count"] == "12"
        assert seen[f"pgkeep_pool_transactions_total{label}}}"] == row["total_xact_count"] == "11"
        assert seen[f"pgkeep_pool_received_bytes_total{label}}}"] == row["total_received"]
        assert seen[f'pgkeep_pool_servers{label},state="active"}}'] == "1" and seen[f'pgkeep_pool_clients{label},state="waiting"}}'] == "0"
        assert seen[f"pgkeep_pool_size{label}}}"] == "20" and seen["pgkeep_pool_connections"] == "2" and seen["pgkeep_pool_is_paused"] == "0"
        buckets = [(float(name.split('le="')[1].rstrip('"}')), int(value)) for name, value in seen.items()
                   if name.startswith(f"pgkeep_pool_query_seconds_bucket{label}")]
        assert [most for most, _ in buckets] == sorted(most for most, _ in buckets) and buckets[-1] == (float("inf"), 12)
        counts = [count for _, count in buckets]
        assert counts == sorted(counts) and seen[f"pgkeep_pool_query_seconds_count{label}}}"] == "12"
        # The one that slept is in a bucket from 0.131 to 0.262 s or later.
        assert [count for most, count in buckets if most < 0.15][-1] <= 11 and float(seen[f"pgkeep_pool_query_seconds_sum{label}}}"]) >= 0.2
        assert seen[f"pgkeep_pool_transaction_seconds_count{label}}}"] == "11" == str(int(seen[f"pgkeep_pool_wait_seconds_count{label}}}"]) - 1)


def test_names_that_anybody_can_make_up():
    """A database "*" and auth_query: the server is asked before the client has proved who it is. Its name spoils no metrics, and is soon forgotten."""
    port = free_port()
    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE keeper SUPERUSER LOGIN PASSWORD 'kept'")
        settings = {"auth_type": "scram-sha-256", "auth_user": "keeper", "metrics_listen": f"127.0.0.1:{port}", "server_login_retry": 1}
        with Pooler("ours", home, {"*": f"host={server.home} port={server.port}"}, settings, '"keeper" "kept"\n') as pooler:
            with Client(pooler, is_started=False) as client:
                body = struct.pack("!I", 196608) + b"user\0mallory\0database\0\xff\xfe\0\0"
                client.send(struct.pack("!I", len(body) + 4) + body)
                assert client.until(b"E")[-1][0] == b"E"
            wait_for(lambda: "registered new auto-database" in pooler.log(), "a server was asked")
            assert scrape(port)["pgkeep_pool_pools_left_out"] == "0"
            wait_for(lambda: "dropping database" in pooler.log(), "it is forgotten", 20)


def test_a_scrape_across_an_online_restart():
    """Whoever is in the middle of his request is answered by the process that accepted him, while that lives; and cut off by time if he says nothing."""
    port = free_port()

    def connect():
        return socket.create_connection(("127.0.0.1", port), timeout=30)

    with Server(15) as server, folder() as home, opened("ours", home, server, {"metrics_listen": f"127.0.0.1:{port}"}) as pooler, \
            Client(pooler, "app") as busy, connect() as one, connect() as silent:
        busy.query("BEGIN")
        one.sendall(b"GET /metrics HTTP/1.1\r\n")
        scrape(port)  # Those before it have been accepted.
        former = pooler.take_over()
        one.sendall(b"\r\n")
        assert one.recv(12) == b"HTTP/1.1 200" and silent.recv(1) == b""
        assert former.poll() is None
        busy.query("COMMIT")
        assert former.wait(30) == 0


def test_hostile_scrapers():
    """They are told off or cut off by time, there are never more than a few, and whoever comes then is served."""
    port = free_port()

    def connect():
        return socket.create_connection(("127.0.0.1", port), timeout=30)

    with Server(15) as server, folder() as home, opened("ours", home, server, {"metrics_listen": f"127.0.0.1:{port}"}) as pooler, \
            Client(pooler, "app") as client, contextlib.ExitStack() as stack:
        for sent, told in ((b"GET / HTTP/1.1\r\n\r\n", b"404"), (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"), (b"\0\1\2\r\n\r\n", b"400"),
                           (b"GET /metrics HTTP/1.1\r\n" + b"x" * 9000, b"431")):
            with connect() as one:
                one.sendall(sent)
                assert one.recv(100).split()[1] == told
        silent = [stack.enter_context(connect()) for _ in range(40)]
        silent[0].sendall(b"GET /met")
        assert client.values("SELECT 1") == ["1"], "queries go on meanwhile"
        assert silent[0].recv(1) == b"" == silent[5].recv(1), "their time is over"
        for one in silent:
            one.close()
        assert scrape(port)["pgkeep_pool_connections"] == "1"
    with folder() as home:
        ini = home / "pool.ini"
        ini.write_text("[databases]\napp =\n[pgbouncer]\nmetrics_listen = somewhere\n")
        result = pgkeep("pool", *(("--user", ACCOUNT) if os.geteuid() == 0 else ()), ini, check=False, timeout=20)
        assert result.returncode == 2 and "metrics_listen = somewhere is no address" in result.stderr, result.stderr
