"""What the admin console of pgkeep pool shows, and who reads it: columns, scripts written for PgBouncer, counts. As in test_pool_console."""
import csv
import io
import os
import re
import socket
import struct

from pooler import KINDS, Client, Console, FakeServer
from support import PSQL, Server, folder, run, wait_for
from test_pool_console import at, opened


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
