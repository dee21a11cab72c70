"""The admin console of pgkeep pool. What PgBouncer 1.18 has too is asked of both from the same ini file; what came later follows the documentation
of 1.25, and the test says so."""
import csv
import io
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

from pooler import KINDS, Client, Console, FakeServer, Pooler, errors_in, memory_kb, must_be_below, on_loop
from support import PSQL, Server, as_account, folder, run, wait_for

USERS = '"postgres" ""\n"stat" ""\n"other" ""\n'
ROLES = {"admin_users": "postgres, nobody", "stats_users": "stat"}


def at(server):
    return f"host={server.home} port={server.port} dbname=postgres"


def opened(kind, home, server, settings=None, databases=None, **more):
    return Pooler(kind, home, databases or {"app": at(server), "second": at(server)}, {**ROLES, **(settings or {})}, USERS, **more)


def backends(server):
    return int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")[0][0])


# Of PgBouncer 1.25, from its src/admin.c and src/stats.c; types as they are written there. What is ours stands behind.
TYPES = {"s": 25, "T": 25, "i": 23, "q": 20, "N": 1700, "b": 17}
OF_SOCKETS = ("ssssssisiTTiiississii", "type user database replication state addr port local_addr local_port connect_time request_time wait wait_us close_needed "
              "ptr link remote_pid tls application_name prepared_statements id")
OF_BUFFERS = (OF_SOCKETS[0] + "iiiiiii", OF_SOCKETS[1] + " recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail send_avail")
COUNTED = "server_assignment_count xact_count query_count bytes_received bytes_sent xact_time query_time wait_time client_parse_count server_parse_count bind_count"
COLUMNS = {
    "CLIENTS": OF_SOCKETS, "SERVERS": OF_SOCKETS, "SOCKETS": OF_BUFFERS, "ACTIVE_SOCKETS": OF_BUFFERS,
    "CONFIG": ("ssss", "key value default changeable"),
    "DATABASES": ("ssissiiiissiiiiii", "name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode load_balance_hosts "
                  "max_connections current_connections max_client_connections current_client_connections paused disabled"),
    "FDS": ("issssiqisssssbb", "fd task user database addr port cancel link client_encoding std_strings datestyle timezone password scram_client_key scram_server_key"),
    "LISTS": ("si", "list items"),
    "POOLS": ("ssiiiiiiiiiiiiiss", "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel sv_being_canceled sv_idle "
              "sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts"),
    "STATS": ("s" + 22 * "N", "database total_server_assignment_count total_xact_count total_query_count total_received total_sent total_xact_time total_query_time "
              "total_wait_time total_client_parse_count total_server_parse_count total_bind_count avg_server_assignment_count avg_xact_count avg_query_count "
              "avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time avg_client_parse_count avg_server_parse_count avg_bind_count"),
    "STATS_TOTALS": ("s" + 11 * "N", f"database {COUNTED}"), "STATS_AVERAGES": ("s" + 11 * "N", f"database {COUNTED}"),
    "TOTALS": ("sN", "name value"),
    "USERS": ("ssssiiii", "name pool_size reserve_pool_size pool_mode max_user_connections current_connections max_user_client_connections "
              "current_client_connections"),
    "VERSION": ("s", "version"), "STATE": ("ss", "key value"), "MEM": ("siiii", "name size used free memtotal"),
    "DNS_HOSTS": ("sqs", "hostname ttl addrs"), "DNS_ZONES": ("sqi", "zonename serial count"),
    "PEERS": ("isii", "peer_id host port pool_size"), "PEER_POOLS": ("iiiii", "peer_id cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login")}
# Names that stand in rows.
SUMMED = ("server_assignment_count xact_count query_count client_bytes server_bytes xact_time query_time wait_time ps_client_parse_count "
          "ps_server_parse_count ps_bind_count")
LISTED = ("databases users peers pools peer_pools free_clients used_clients login_clients free_servers used_servers dns_names dns_zones dns_queries dns_pending")
OURS = {"CLIENTS": ["pinned"], "SERVERS": ["pinned"]}


def test_columns_of_what_is_shown():
    """Those of 1.25 in their order, then ours. The list is right about 1.18: it has nothing else and no other types (reserve_pool got its new name later)."""
    with Server(15) as server, folder() as home, opened("ours", home, server) as ours, opened("pgbouncer", home, server) as reference, \
            Console(ours) as console, Console(reference) as other:
        for what, (types, names) in COLUMNS.items():
            want = [(name, TYPES[letter]) for letter, name in zip(types, names.split(), strict=True)]
            have = console.columns(f"SHOW {what}")
            assert have[:len(want)] == want, (what, have, want)
            assert [name for name, _ in have[len(want):]] == OURS.get(what, []), (what, have)
            if what not in ("STATE", "PEERS", "PEER_POOLS"):
                before = [("reserve_pool_size" if name == "reserve_pool" else name, oid) for name, oid in other.columns(f"SHOW {what}")]
                assert before == [column for column in want if column in before], (what, before)
        keys = {row["key"] for row in console.rows("SHOW CONFIG")}
        assert keys >= {row["key"] for row in other.rows("SHOW CONFIG")}
        assert [row["list"] for row in console.rows("SHOW LISTS")] == LISTED.split()
        assert [row["key"] for row in console.rows("SHOW STATE")] == ["active", "paused", "suspended"]
        assert [row["name"] for row in console.rows("SHOW TOTALS")] == [f"{kind}_{name}" for kind in ("total", "avg") for name in SUMMED.split()]
        for console_of in (console, other):
            notices = [content for kind, content in console_of.client.query("SHOW HELP") if kind == b"N"]
            assert b"MConsole usage" in notices[0] and b"SHOW HELP|CONFIG|DATABASES" in notices[0]


def test_a_script_written_for_pgbouncer():
    """As check_postgres and pgbouncer_exporter do it: psql, one command, columns by their names; both poolers tell the same."""
    def read(pooler, command):
        out = run([PSQL, "-X", "-q", "--csv", "-h", "127.0.0.1", "-p", pooler.port, "-U", "stat", "-d", "pgbouncer", "-c", command]).stdout
        return list(csv.DictReader(io.StringIO(out)))

    told = {}
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server, {"default_pool_size": 2}) as pooler, Client(pooler, "app") as busy, Client(pooler, "app") as idle, \
                    Client(pooler, "app") as waits:
                busy.query("BEGIN")
                idle.query("SELECT 1")
                pools = {(row["database"], row["user"]): row for row in read(pooler, "SHOW POOLS")}
                idle.query("BEGIN")
                waits.send(waits.message(b"Q", b"SELECT 1\0"))
                wait_for(lambda: [row["cl_waiting"] for row in read(pooler, "SHOW POOLS") if row["database"] == "app"] == ["1"], "one waits")
                clients = [(row["database"], row["user"], row["state"]) for row in read(pooler, "SHOW CLIENTS") if row["database"] == "app"]
                idle.query("COMMIT")
                waits.until(b"Z")
                told[kind] = {
                    "pools": {name: {key: row[key] for key in ("cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login",
                                                               "maxwait", "pool_mode")} for name, row in pools.items()},
                    "clients": sorted(clients),
                    "servers": sorted((row["database"], row["user"], row["state"], row["close_needed"], bool(row["link"]), row["addr"])
                                      for row in read(pooler, "SHOW SERVERS")),
                    "databases": [{key: row[key] for key in ("name", "database", "force_user", "pool_size", "pool_mode", "max_connections",
                                                             "current_connections", "paused", "disabled")} for row in read(pooler, "SHOW DATABASES")],
                    "lists": {row["list"]: row["items"] for row in read(pooler, "SHOW LISTS") if row["list"] in
                              ("databases", "users", "pools", "used_clients", "login_clients", "used_servers")},
                    "users": [row["name"] for row in read(pooler, "SHOW USERS")],
                    "queries": {row["database"]: row["total_query_count"] for row in read(pooler, "SHOW STATS") if row["database"] != "pgbouncer"},
                    "config": [(row["value"], row["changeable"]) for row in read(pooler, "SHOW CONFIG")
                               if row["key"] in ("default_pool_size", "server_lifetime", "listen_addr", "admin_users")]}
                assert read(pooler, "SHOW VERSION")[0]["version"].startswith("PgBouncer 1."), kind
    assert told["ours"] == told["pgbouncer"], "\n".join(f"{key}:\n  {told['ours'][key]}\n  {told['pgbouncer'][key]}" for key in told["ours"])


def test_check_postgres():
    """Nagios' check_postgres (Debian's package): the same words and exit codes of both poolers."""
    asked = [*((f"pgb_pool_{what}", 1, 9) for what in ("cl_active", "cl_waiting", "sv_active", "maxwait")), ("pgb_pool_sv_idle", 1, 1), ("pgbouncer_backends", "50%", "90%"), ("pgbouncer_backends", 1, 2),
             ("pgbouncer_backends", -9, -3)]
    env = {**os.environ, "PGBINDIR": os.path.dirname(PSQL)}
    told = {}
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server, {"max_client_conn": 10}) as pooler, Client(pooler, "app") as busy, Client(pooler, "app") as idle:
                busy.query("BEGIN")
                idle.query("SELECT 1")
                at_it = ["--host=127.0.0.1", f"--port={pooler.port}", "--dbuser=stat", "--dbname=pgbouncer", "--include=app"]
                runs = [run(["check_postgres", f"--action={action}", f"--warning={warning}", f"--critical={critical}", *at_it], env=env, check=False)
                        for action, warning, critical in asked]
                told[kind] = [(result.returncode, re.sub(r"\(host:\S+\) |time=\S+|port=\d+|\(db:pgbouncer\) ", "", result.stdout)) for result in runs]
                checksum = run(["check_postgres", "--action=pgbouncer_checksum", "--critical=0", *at_it[:-1]], env=env, check=False)
                assert re.search(r"checksum: [0-9a-f]{32}", checksum.stdout), checksum
    for what, ours, theirs in zip(asked, told["ours"], told["pgbouncer"]):
        assert ours == theirs, (what, ours, theirs)
    assert {code for code, _ in told["ours"]} == {0, 1, 2}, told["ours"]


def test_who_may_do_what():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server, {"max_client_conn": 1}) as pooler, Console(pooler) as admin, Console(pooler, "stat") as stat:
                for command in ("RELOAD", "PAUSE", "RESUME", "RECONNECT", "KILL app", "DISABLE app", "ENABLE app", "SUSPEND", "SHUTDOWN",
                                "WAIT_CLOSE", "SET verbose = 0", "SHOW FDS"):
                    assert stat.refusal(command) == "admin access needed", (kind, command)
                for command in ("SHUTDOWN now", "SUSPEND now"):
                    assert stat.refusal(command) == f"invalid command '{command}', use SHOW HELP;", kind
                assert stat.rows("SHOW POOLS") and admin.rows("SHOW FDS")
                try:
                    Console(pooler, "other")
                    raise AssertionError("it came in")
                except ConnectionError as told:
                    assert str(told) == "not allowed"
                # Whoever runs the pooler is its administrator, without a password.
                argv = [PSQL, "-X", "-A", "-t", "-h", str(pooler.home), "-p", str(pooler.port), "-U", "pgbouncer", "-d", "pgbouncer", "-c", "RELOAD"]
                os.chmod(home, 0o755)
                assert run(as_account(argv)).stdout.strip() == "RELOAD"
            with opened(kind, home, server, {"auth_type": "any"}, {"app": at(server) + " user=postgres"}) as pooler, \
                    Console(pooler) as admin, Console(pooler, "whoever") as anybody:
                assert admin.ask("RELOAD") == "RELOAD" and anybody.refusal("RELOAD") == "admin access needed"
                assert anybody.rows("SHOW POOLS")


def test_refusals_in_the_same_words():
    commands = ("", ";", "nonsense", "SHOW", "SHOW nonsense", "show pools; show stats", "SHOW a-b", "RELOAD now", "SUSPEND now", "PAUSE nodb", "RESUME", "RESUME app",
                "RESUME pgbouncer", "RESUME nodb", "SHUTDOWN now", "DISABLE", "ENABLE", "DISABLE nodb", "ENABLE nodb", "KILL nodb", "RECONNECT nodb",
                "WAIT_CLOSE nodb",
                "PAUSE pgbouncer", "KILL pgbouncer", "RECONNECT pgbouncer", "DISABLE pgbouncer", "WAIT_CLOSE pgbouncer", "SET nonsense = 1",
                "SET pool_mode = nonsense", "SET verbose = -1", "SHOW " + "x" * 64, "a_name_of_16_chars", "SET verbose = '" + "1" * 256 + "'")
    with Server(15) as server, folder() as home, opened("ours", home, server) as ours, opened("pgbouncer", home, server) as reference, \
            Console(ours) as console, Console(reference) as other:
        for command in commands:
            told = console.refusal(command), other.refusal(command)
            assert told[0] == told[1] and not told[0].startswith("no refusal"), (command, told)
        for name in ("client_encoding", "datestyle", "timezone", "standard_conforming_strings", "default_transaction_isolation"):
            assert console.rows(f"SHOW {name}") == other.rows(f"SHOW {name}")
            assert console.ask(f"SET {name} = 'x'") == other.ask(f"SET {name} = 'x'") == "SET"


def test_settings_that_nobody_set():
    """NULL and not an empty text, which numbers are shown how, and what may be changed: of all keys that 1.18 has, but for those that 1.25's main.c
    has otherwise. The rest is as main.c says."""
    later = {"auth_query", "client_tls_ciphers", "server_check_query", "server_tls_ciphers", "server_tls_sslmode"}
    with Server(15) as server, folder() as home, opened("ours", home, server) as ours, opened("pgbouncer", home, server) as reference, \
            Console(ours) as console, Console(reference) as other:
        rows, different = {row["key"]: row for row in console.rows("SHOW CONFIG")}, []
        for row in other.rows("SHOW CONFIG"):
            have = rows[row["key"]]
            if row["key"] in ("conffile", "auth_file", "unix_socket_dir", "listen_port"):  # Each has its own.
                have["value"] = row["value"]
            if row["key"] not in later and have != row:
                different.append((have, row))
        assert not different, different
        for key in ("auth_dbname", "auth_ident_file", "auth_ldap_options", "client_tls13_ciphers", "server_tls13_ciphers"):
            assert (rows[key]["value"], rows[key]["default"], rows[key]["changeable"]) == (None, None, "yes"), key
        assert rows["peer_id"]["changeable"] == "yes" and "service_name" not in rows
        assert console.ask("SET peer_id = 3") == "SET peer_id=3" and console.row("SHOW CONFIG", key="peer_id")["value"] == "3"


def test_who_has_how_many_clients():
    """SHOW USERS: those who logged in as somebody, whoever the server knows them as (1.24)."""
    with Server(15) as server, folder() as home, \
            opened("ours", home, server, databases={"app": at(server), "forced": at(server) + " user=postgres"}) as pooler, \
            Console(pooler, "stat") as console, Client(pooler, "forced", "other") as one, Client(pooler, "forced", "other"), Client(pooler, "app"):
        one.query("SELECT 1")
        rows = {row["name"]: row for row in console.rows("SHOW USERS")}
        assert {name: row["current_client_connections"] for name, row in rows.items()} == {"other": "2", "postgres": "1", "stat": "1", "pgbouncer": "0"}
        assert rows["postgres"]["current_connections"] == "2" and rows["other"]["current_connections"] == "0", "servers are the forced user's"


def test_how_long_a_query_takes():
    """wait and wait_us of SHOW CLIENTS: since its query began, and not in a transaction that asks nothing."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as client:
                def waits():
                    row = console.row("SHOW CLIENTS", database="app")
                    return int(row["wait"]) * 1_000_000 + int(row["wait_us"])

                client.query("BEGIN")
                assert waits() == 0, kind
                client.send(client.message(b"Q", b"SELECT pg_sleep(60)\0"))
                wait_for(lambda: waits() > 1_100_000, f"{kind}: more than a second")


def test_cancel_requests_are_shown():
    """By their states and in SHOW POOLS, as of 1.25: until the server has taken the request, whoever asked waits."""
    with folder() as home, FakeServer() as server, opened("ours", home, None, {"cancel_wait_timeout": 0}, {"app": f"host=127.0.0.1 port={server.port}"}) as pooler, \
            Console(pooler) as console, Client(pooler, "app") as client:
        def states(what):
            return sorted((row["database"], row["user"], row["state"]) for row in console.rows(f"SHOW {what}") if row["database"] == "app")

        def counts():
            row = console.row("SHOW POOLS", database="app")
            return [int(row[name]) for name in ("cl_active", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active", "sv_active_cancel")]

        client.send(client.message(b"Q", b"sleep\0"))
        wait_for(lambda: counts() == [1, 0, 0, 1, 0], "the query runs")
        with socket.create_connection(("127.0.0.1", pooler.port), timeout=30) as asker:
            asker.sendall(struct.pack("!II", 16, 80877102) + client.key)
            wait_for(lambda: server.cancels and counts() == [1, 1, 0, 1, 1], "the request is with the server")
            assert states("CLIENTS") == [("app", "(nouser)", "active_cancel_req"), ("app", "postgres", "active")]
            assert states("SERVERS") == [("app", "postgres", "active"), ("app", "postgres", "active_cancel")]
            links = {row["ptr"]: row["link"] for what in ("CLIENTS", "SERVERS") for row in console.rows(f"SHOW {what}") if row["database"] == "app"}
            assert len(links) == 4 and all(links[link] == pointer for pointer, link in links.items()), links
            assert {row["state"] for row in console.rows("SHOW SOCKETS")} >= {"cl_active_cancel_req", "sv_active_cancel"}
            assert [row["task"] for row in console.rows("SHOW FDS") if row["database"] == "app"] == ["client", "server"]
            server.cancels[0][1].close()
            assert asker.recv(1) == b""
        assert counts() == [1, 0, 0, 1, 0] and states("CLIENTS") == [("app", "postgres", "active")]


def test_nobody_waits_for_a_cancel_request():
    """A server that a request is still under way to is given to nobody; while the pool has room, nobody waits for it either."""
    with folder() as home:
        for kind in KINDS:
            settings = {"cancel_wait_timeout": 60} if kind == "ours" else {}  # Which 1.18 does not know.
            with FakeServer() as server, opened(kind, home, None, settings, {"app": f"host=127.0.0.1 port={server.port}"}, loops=1) as pooler, \
                    Client(pooler, "app") as client, Client(pooler, "app") as other:
                client.send(client.message(b"Q", b"sleep\0"))
                with Console(pooler) as console:
                    wait_for(lambda: console.row("SHOW POOLS", database="app")["sv_active"] == "1", f"{kind}: the query runs")
                with socket.create_connection(("127.0.0.1", pooler.port), timeout=30) as asker:
                    asker.sendall(struct.pack("!II", 16, 80877102) + client.key)
                    wait_for(lambda: server.cancels, f"{kind} asks")
                    server.connections[0].sendall(Client.message(b"C", b"SELECT 0\0") + Client.message(b"Z", b"I"))
                    assert client.until(b"Z")[-1] == (b"Z", b"I")
                    other.socket.settimeout(10)
                    assert other.query("SELECT 1")[-1] == (b"Z", b"I"), kind
                    server.cancels.pop()[1].close()


def test_pause_and_resume():
    """PAUSE waits until no server is used; whoever asks meanwhile waits for RESUME. By signals too, and of one database alone."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Console(pooler) as second, Client(pooler, "app") as busy, \
                    Client(pooler, "app") as other, Client(pooler, "second") as elsewhere:
                busy.query("BEGIN")
                console.send("PAUSE")
                wait_for(lambda: "PAUSE command issued" in pooler.log(), "it was heard")
                assert not console.is_answered() and busy.values("SELECT 1") == ["1"], "its transaction goes on"
                assert second.refusal("PAUSE") == "already suspended/paused" and second.refusal("KILL app") == "already suspended/paused"
                other.send(other.message(b"Q", b"SELECT 'later'\0"))
                busy.query("COMMIT")
                assert console.answer(console.client.until(b"Z")) == "PAUSE" and backends(server) == 0
                assert second.row("SHOW POOLS", database="app")["cl_waiting"] == "1"
                assert second.ask("RESUME") == "RESUME"
                assert other.until(b"Z")[-1] == (b"Z", b"I") and busy.values("SELECT 2") == ["2"]
                assert console.ask("PAUSE app") == "PAUSE"
                assert second.row("SHOW DATABASES", name="app")["paused"] == "1"
                assert elsewhere.values("SELECT 3") == ["3"], "it is not paused"
                busy.send(busy.message(b"Q", b"SELECT 4\0"))
                assert second.refusal("SUSPEND") == "cannot suspend with paused databases"
                assert second.ask("RESUME app") == "RESUME" and busy.until(b"Z")[-1] == (b"Z", b"I")
                elsewhere.values("SELECT 5")
                pooler.signal(signal.SIGUSR1)
                wait_for(lambda: "got SIGUSR1, pausing all activity" in pooler.log() and backends(server) == 0, "all is paused")
                pooler.signal(signal.SIGUSR2)
                wait_for(lambda: "got SIGUSR2, continuing from PAUSE" in pooler.log(), "it goes on")
                assert elsewhere.values("SELECT 6") == ["6"]


def test_disable_and_enable():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as client:
                assert console.ask("DISABLE app") == "DISABLE" and console.row("SHOW DATABASES", name="app")["disabled"] == "1"
                assert client.values("SELECT 1") == ["1"], "it was here before"
                try:
                    Client(pooler, "app")
                    raise AssertionError("it came in")
                except ConnectionError as told:
                    assert str(told) == 'database "app" is disabled'
                assert console.ask("ENABLE app") == "ENABLE"
                with Client(pooler, "app") as again:
                    assert again.values("SELECT 2") == ["2"]


def test_reconnect_and_wait_close():
    """An idle server is closed at once, one that is used when it is released: that is what WAIT_CLOSE waits for."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as busy, Client(pooler, "app") as idle:
                busy.query("BEGIN")
                before = busy.values("SELECT pg_backend_pid()"), idle.values("SELECT pg_backend_pid()")
                assert console.ask("RECONNECT app") == "RECONNECT"
                wait_for(lambda: backends(server) == 1, "the idle one is closed")
                assert console.row("SHOW SERVERS", database="app", state="active")["close_needed"] == "1"
                assert busy.values("SELECT pg_backend_pid()") == before[0]
                console.send("WAIT_CLOSE app")
                assert not console.is_answered()
                busy.query("COMMIT")
                assert console.answer(console.client.until(b"Z")) == "WAIT_CLOSE"
                assert busy.values("SELECT pg_backend_pid()") not in before
                assert console.ask("RECONNECT") == "RECONNECT" and console.ask("WAIT_CLOSE") == "WAIT_CLOSE"


def test_a_wait_that_nobody_waits_for_any_more():
    """Who gives WAIT_CLOSE up by going leaves no work behind: the pooler sleeps again."""
    def wakeups():
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", pathlib.Path(f"/proc/{pooler.pid()}/status").read_text(), re.MULTILINE).group(1))

    def of_half_a_second():
        before = wakeups()
        time.sleep(0.5)
        return wakeups() - before

    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as busy:
                busy.query("BEGIN")
                assert console.ask("RECONNECT app") == "RECONNECT"
                for _ in range(20):
                    with Console(pooler) as other:
                        other.send("WAIT_CLOSE")
                        assert not other.is_answered(0.02)
                wait_for(lambda: of_half_a_second() < 20, f"{kind} sleeps")
                console.send("WAIT_CLOSE")
                assert not console.is_answered()
                busy.query("COMMIT")
                assert console.answer(console.client.until(b"Z")) == "WAIT_CLOSE", kind


def test_answers_that_nobody_reads():
    """They do not pile up: a console is not read before it has taken the one before. All of them come in the end. (1.18 sends such a console away.)"""
    count = 5_000
    with Server(15) as server, folder() as home, opened("ours", home, server) as pooler, Console(pooler) as console, Console(pooler) as other:
        def answered():
            return int(other.row("SHOW STATS", database="pgbouncer")["total_query_count"])

        def is_at_rest():
            before = answered()
            time.sleep(0.5)
            return answered() == before + 1  # Which it is itself.

        console.client.send(Client.message(b"Q", b"SHOW CONFIG\0") * count)
        wait_for(is_at_rest, "it reads no more")
        assert answered() < count / 2
        must_be_below(60_000, memory_kb(pooler.pid()))
        for _ in range(count):
            assert console.client.until(b"Z")[-1] == (b"Z", b"I")


def test_kill():
    """1.18 kills one database only; of all: the documentation of 1.25."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as busy, Client(pooler, "app") as idle, \
                    Client(pooler, "second") as elsewhere:
                busy.query("BEGIN")
                assert console.ask("KILL app") == "KILL"
                for client in (busy, idle):
                    assert errors_in(client.until(b"E")) == ["database removed"] and client.is_closed()
                assert elsewhere.values("SELECT 1") == ["1"] and console.row("SHOW DATABASES", name="app")["paused"] == "1"
                late = Client(pooler, "app", is_started=False)
                late.socket.settimeout(0.3)
                try:
                    late.start("app", "postgres", {})
                    raise AssertionError("it came in")
                except TimeoutError:
                    late.socket.settimeout(30)
                assert console.ask("RESUME app") == "RESUME"
                assert late.until(b"Z")[-1] == (b"Z", b"I") and late.values("SELECT 2") == ["2"]
                if kind == "ours":
                    assert console.ask("KILL") == "KILL"
                    assert errors_in(elsewhere.until(b"E")) == ["database removed"] and backends(server) == 0


def test_kill_client():
    """Follows the documentation of 1.25."""
    with Server(15) as server, folder() as home, opened("ours", home, server) as pooler, Console(pooler) as console, \
            Client(pooler, "app", parameters={"application_name": "victim"}) as victim, Client(pooler, "app") as other:
        victim.query("BEGIN")
        number = console.row("SHOW CLIENTS", application_name="victim")["id"]
        assert console.ask(f"KILL_CLIENT {number}") == "KILL_CLIENT"
        assert errors_in(victim.until(b"E")) == ["admin forced disconnect"] and victim.is_closed()
        assert console.refusal(f"KILL_CLIENT {number}") == "client not found" == console.refusal("KILL_CLIENT 0")
        assert console.refusal("KILL_CLIENT x") == "invalid client pointer supplied"
        assert other.values("SELECT 1") == ["1"]


def test_set():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as client:
                assert console.ask("SET default_pool_size = 7") == "SET default_pool_size=7"
                assert console.row("SHOW CONFIG", key="default_pool_size")["value"] == "7" == console.row("SHOW DATABASES", name="app")["pool_size"]
                assert console.ask("set \"server_check_query\" TO 'select ''x''';") == "SET server_check_query=select 'x'"
                assert console.row("SHOW CONFIG", key="server_check_query")["value"] == "select 'x'"
                assert console.ask("SET query_timeout = '0.5'") == "SET query_timeout=0.5"
                client.send(client.message(b"Q", b"SELECT pg_sleep(5)\0"))
                assert errors_in(client.until(b"E")) == ["query timeout"]
                assert console.ask("RELOAD") == "RELOAD" and console.row("SHOW CONFIG", key="default_pool_size")["value"] == "20", "the file counts again"


def test_reload():
    """1.18 says RELOAD whatever came of it; that a mistake is told follows 1.25."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console:
                ini = pooler.home / "pool.ini"
                ini.write_text(ini.read_text().replace("second =", "third ="))
                assert console.ask("RELOAD") == "RELOAD"
                assert [row["name"] for row in console.rows("SHOW DATABASES")] == ["app", "pgbouncer", "third"], kind
                with Client(pooler, "third") as client:
                    assert client.values("SELECT 1") == ["1"]
                if kind == "ours":
                    ini.write_text(ini.read_text() + "nonsense = 1\n")
                    assert console.refusal("RELOAD") == "RELOAD failed, see logs for additional details"
                    wait_for(lambda: "unknown parameter: pgbouncer/nonsense" in pooler.log(), "the log says what is wrong")
                    assert re.search(r"pool\.ini:\d+", pooler.log())
                    assert console.row("SHOW DATABASES", name="third")


def test_suspend():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server, {"suspend_timeout": 3}) as pooler, Console(pooler) as console, Client(pooler, "app") as client, \
                    Client(pooler, "app") as half:
                client.query("BEGIN")
                assert console.ask("SUSPEND") == "SUSPEND"
                client.send(client.message(b"Q", b"SELECT 1\0"))
                assert console.refusal("PAUSE") == "already suspended/paused"
                client.socket.settimeout(0.3)
                try:
                    client.until(b"Z")
                    raise AssertionError("it was answered")
                except TimeoutError:
                    client.socket.settimeout(30)
                assert console.ask("RESUME") == "RESUME"
                assert client.until(b"Z")[-1] == (b"Z", b"T") and client.query("COMMIT")[-1] == (b"Z", b"I")
                with Client(pooler, "app") as newcomer:
                    assert newcomer.values("SELECT 2") == ["2"]
                half.send(half.message(b"Q", b"SELECT 1\0")[:9])  # In the middle of a message: it is closed when the time is over.
                wait_for(lambda: console.row("SHOW POOLS", database="app")["sv_active"] == "1", f"{kind}: half a message came")
                assert console.ask("SUSPEND") == "SUSPEND" and half.is_closed(), kind
                wait_for(lambda: "closing because: suspend_timeout" in pooler.log(), f"{kind} says why")
                assert console.ask("RESUME") == "RESUME" and client.values("SELECT 3") == ["3"], kind


def test_suspend_ends_in_time_whoever_waits():
    """Half a message came, or a server does not answer a login: when the time is over they are closed. RESUME finds all as if that had not been: who
    waited in another loop gets the server, and that the login was broken off says nothing of the server (1.18 takes it for a failure)."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            settings = {"suspend_timeout": 1, "pool_mode": "session", "server_reset_query": "", "default_pool_size": 1}
            with opened(kind, home, server, settings) as pooler, Console(pooler) as console, \
                    on_loop(pooler, 0) as half, on_loop(pooler, 1) as waiter:
                half.query("SELECT 1")
                half.send(half.message(b"Q")[:3])
                waiter.send(waiter.message(b"Q", b"SELECT 2\0"))
                wait_for(lambda: console.row("SHOW POOLS", database="app")["cl_waiting"] == "1", f"{kind}: it waits")
                assert console.ask("SUSPEND") == "SUSPEND" and half.is_closed(), kind
                assert console.ask("RESUME") == "RESUME"
                assert waiter.until(b"Z")[-1] == (b"Z", b"I"), kind
        with FakeServer() as slow, opened("ours", home, server, {"suspend_timeout": 1}, {"app": f"host=127.0.0.1 port={slow.port} dbname=postgres"}) as pooler, \
                Console(pooler) as console, Client(pooler, "app") as client:
            slow.lose_all()
            wait_for(lambda: console.row("SHOW POOLS", database="app")["sv_idle"] == "0", "it has no server")
            slow.may_log_in.clear()
            client.send(client.message(b"Q", b"SELECT 1\0"))
            wait_for(lambda: console.row("SHOW POOLS", database="app")["sv_login"] == "1", "it opens one")
            assert console.ask("SUSPEND") == "SUSPEND"
            wait_for(lambda: "suspend_timeout" in pooler.log(), "it closes that")
            slow.may_log_in.set()
            assert console.ask("RESUME") == "RESUME"
            assert client.until(b"ZE")[-1] == (b"Z", b"I")
            with Client(pooler, "app") as newcomer:
                assert newcomer.query("SELECT 1")[-1] == (b"Z", b"I")


def test_whoever_suspended_disappears():
    """Nobody could come to say RESUME: with the last console it comes by itself. PAUSE stays."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Client(pooler, "app") as client:
                with Console(pooler) as one, Console(pooler) as other:
                    assert one.ask("SUSPEND") == "SUSPEND"
                    client.send(client.message(b"Q", b"SELECT 1\0"))
                    one.client.close()
                    assert other.refusal("PAUSE") == "already suspended/paused", "one is left"
                assert client.until(b"Z")[-1] == (b"Z", b"I")
                wait_for(lambda: "admin disappeared when suspended, doing RESUME" in pooler.log(), f"{kind} says why")
                with Console(pooler) as console:
                    assert console.ask("PAUSE") == "PAUSE"
                with Console(pooler) as console:
                    assert console.refusal("PAUSE") == "already suspended/paused" and console.ask("RESUME") == "RESUME"
                # Whoever waits for PAUSE goes: it was ordered, and stays.
                client.query("BEGIN")
                with Console(pooler) as console:
                    console.send("PAUSE")
                    wait_for(lambda: pooler.log().count("PAUSE command issued") >= 2, "it was heard")
                client.query("COMMIT")
                with Console(pooler) as console:
                    assert console.refusal("PAUSE") == "already suspended/paused" and console.ask("RESUME") == "RESUME"
                assert client.values("SELECT 1") == ["1"]


def interrupted(pooler, command, begins):
    """psql with a command that waits, after ^C."""
    psql = subprocess.Popen([PSQL, "-X", "-h", "127.0.0.1", "-p", str(pooler.port), "-U", "postgres", "-d", "pgbouncer", "-c", command],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(begins, f"{command} was heard")
    psql.send_signal(signal.SIGINT)
    return psql


def test_ctrl_c_at_the_console():
    """A PAUSE that waits is taken back; WAIT_CLOSE is not waited for. PgBouncer leaves its console waiting, and so psql, which is ended."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as busy, Client(pooler, "app") as other:
                busy.query("BEGIN")
                psql = interrupted(pooler, "PAUSE", lambda: "PAUSE command issued" in pooler.log())
                assert other.values("SELECT 1") == ["1"], "nothing is paused"
                told = [psql]
                assert console.ask("RECONNECT app") == "RECONNECT"
                told.append(interrupted(pooler, "WAIT_CLOSE app", lambda: "WAIT_CLOSE 'app' command issued" in pooler.log()))
                if kind == "ours":
                    for psql in told:
                        assert "canceling statement due to user request" in psql.communicate(timeout=30)[1]
                busy.query("COMMIT")
                assert console.ask("WAIT_CLOSE app") == "WAIT_CLOSE" and busy.values("SELECT 2") == ["2"], kind
                for psql in told:
                    psql.kill()
                    psql.communicate()


def test_shutdown():
    """At once as 1.18 does; what waits, and SIGTERM, follow the documentation of 1.25: with 1.18, SIGTERM ends at once."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as client:
                client.query("BEGIN")
                console.send("SHUTDOWN")
                assert pooler.process.wait(20) in (0, 1) and client.is_closed() and "SHUTDOWN command issued" in pooler.log()
        with opened("ours", home, server) as pooler, Console(pooler) as console, Client(pooler, "app") as busy, Client(pooler, "app") as idle:
            busy.query("BEGIN")
            assert console.ask("SHUTDOWN WAIT_FOR_SERVERS") == "SHUTDOWN"
            assert errors_in(idle.query("SELECT 1")) == ["server shutting down"] and busy.values("SELECT 1") == ["1"]
            assert console.refusal("RESUME") == "pooler is shutting down"
            busy.query("COMMIT")
            assert pooler.process.wait(20) == 0 and "server connections dropped, exiting" in pooler.log()
        for begin in ("SHUTDOWN WAIT_FOR_CLIENTS", signal.SIGTERM):
            with opened("ours", home, server) as pooler, Client(pooler, "app") as client:
                if begin == signal.SIGTERM:
                    pooler.signal(begin)
                    wait_for(lambda: "got SIGTERM, shutting down, waiting for all clients disconnect" in pooler.log(), "it was heard")
                else:
                    with Console(pooler) as console:
                        assert console.ask(begin) == "SHUTDOWN"
                wait_for(lambda: run([PSQL, "-X", "-d", pooler.uri("app"), "-c", "SELECT 1"], check=False).returncode != 0, "nobody new comes in")
                argv = [PSQL, "-X", "-A", "-t", "-h", str(pooler.home), "-p", str(pooler.port), "-U", "postgres"]
                assert "pooler is shutting down" in run([*argv, "-d", "app", "-c", "SELECT 1"], check=False).stderr
                assert run([*argv, "-d", "pgbouncer", "-c", "SHOW VERSION"]).stdout.startswith("PgBouncer"), "the console is open"
                assert client.values("SELECT 1") == ["1"], "who is here stays"
                client.close()
                assert pooler.process.wait(20) == 0 and "client connections dropped, exiting" in pooler.log()
        with opened("ours", home, server) as pooler, Client(pooler, "app") as client:
            pooler.signal(signal.SIGTERM)
            wait_for(lambda: "got SIGTERM, shutting down" in pooler.log(), "it was heard")
            pooler.signal(signal.SIGTERM)
            assert pooler.process.wait(20) == 0 and client.is_closed() and "got SIGTERM while shutting down, fast exit" in pooler.log()


def test_what_the_console_does_not_speak():
    """The extended protocol and messages that are none, in the words of both; and too much at once."""
    message = Client.message
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with opened(kind, home, server) as pooler:
                for sent, told in ((message(b"P", b"\0SHOW POOLS\0\0\0"), "extended query protocol not supported by admin console"),
                                   (message(b"B", bytes(8)), "extended query protocol not supported by admin console"),
                                   (message(b"S"), "unsupported packet type for admin console: 83")):
                    with Console(pooler) as console:
                        console.client.send(sent)
                        assert errors_in(console.client.until(b"")) == [told, "bad packet"], kind
                with Console(pooler) as console:
                    console.client.send(message(b"Q", b"SHOW VERSION\0") * 3)
                    assert [console.answer(console.client.until(b"Z")) for _ in range(3)] == ["SHOW"] * 3
                    if kind == "pgbouncer":
                        continue
                    console.client.send(message(b"Q", b"SHOW STATE\0")[:7])
                    console.client.send(message(b"Q", b"SHOW STATE\0")[7:])
                    assert console.answer(console.client.until(b"Z")) == "SHOW"
                for sent in (b"Q\x7f\0\0\0", b"Q\0\0\0\1"):
                    with Console(pooler) as console:
                        console.client.send(sent)
                        told = errors_in(console.client.until(b"E"))
                        assert told[0].startswith("bad packet header: '") and console.client.is_closed()
