"""The admin console of pgkeep pool. What PgBouncer 1.18 has too is asked of both from the same ini file; what came later follows the documentation
of 1.25, and the test says so."""
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
                # In the middle of a message: it is closed when the time is over. Ours waits for 128 bytes of a Query before it needs a server.
                half.send(half.message(b"Q", b"SELECT 1" + b" " * 200 + b"\0")[:150])
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
