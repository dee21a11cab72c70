"""The pooler of `pgkeep up`: on the application's port, who comes in through it, that it is kept running, and that it ends with the rest."""
import json
import os
import pathlib
import signal
import subprocess

from libpq import Session
from support import folder, pgkeep, wait_for
from test_pool_fleet import JDBC, compile_java, says_ok
from test_up import admin, kill, psql, stack, status, uri


def pooled(state, role):
    return uri({**state, "port": state["pooler"]["port"]}, role)


def test_clients_come_in_by_their_passwords():
    with stack() as directory:
        state = status(directory)
        assert state["pooler"]["pid"] > 0 and state["pooler"]["port"] != state["port"], state
        text = pgkeep("status", "--dir", directory).stdout
        assert f"pooler    port {state['pooler']['port']}" in text and pooled(state, "app") in text, text
        assert state["pooler"]["clients"] == 0 and ", 0 clients on " in text, "its console says so"
        psql(pooled(state, "migrator"), "CREATE TABLE t (id int PRIMARY KEY)")
        psql(pooled(state, "app"), "INSERT INTO t VALUES (1)")
        assert psql(pooled(state, "readonly"), "SELECT current_user, inet_client_addr() IS NULL, count(*) FROM t").stdout.strip() == "readonly|t|1"
        assert psql(pooled(state, "app"), "SHOW statement_timeout").stdout.strip() == "30s", "a role's own settings hold"
        plain = psql(pooled(state, "app").replace("sslmode=verify-full", "sslmode=disable"), "SELECT 1", check=False)
        assert plain.returncode != 0 and "SSL required" in plain.stderr, plain.stderr
        wrong = psql(pooled(state, "app").replace(state["passfile"], "/dev/null"), "SELECT 1", check=False)
        assert wrong.returncode != 0, wrong
        for path in (pathlib.Path(state["data"]).parent / "pool").iterdir():
            assert path.stat().st_mode & 0o077 == 0 or path.name == "pool.pid", path
            assert "SCRAM" not in path.read_text(), f"{path} holds a secret"


def test_a_session_is_what_it_is_without_a_pooler():
    """Transactions of one client go to whichever server is free, and it need not know."""
    with stack() as directory:
        state = status(directory)
        known = psql(pooled(state, "migrator") + "&options=-c%20search_path%3Dpg_catalog%20-c%20extra_float_digits%3D3", "SHOW search_path; SHOW extra_float_digits")
        assert known.stdout.split() == ["pg_catalog", "3"], known
        first, second = (Session(pooled(state, "migrator")) for _ in range(2))
        for sql in ("SET app.tenant = 'one'", "SET statement_timeout = '77s'", "CREATE TEMP TABLE mine AS SELECT 7 AS id", "SELECT pg_advisory_lock(42)", "LISTEN news"):
            assert first.ask(sql)[1] == "", (sql, first.error)
        servers = {tuple(row) for each in (first, second) for row in each.ask("SELECT pg_backend_pid()")[0]}
        assert len(servers) == 2, "who has a temporary table keeps its server"
        assert second.ask("SELECT current_setting('app.tenant', true), current_setting('statement_timeout'), to_regclass('mine'), pg_try_advisory_lock(42)")[0] == [["", "0", "", "f"]]
        assert first.ask("SELECT current_setting('app.tenant'), current_setting('statement_timeout'), id FROM mine")[0] == [["one", "77s", "7"]]
        first.close()
        wait_for(lambda: second.ask("SELECT pg_try_advisory_lock(42)")[0] == [["t"]], "its lock is let go")
        second.close()
        with folder() as classes:
            compile_java(classes)
            address = (f"jdbc:postgresql://localhost:{state['pooler']['port']}/{state['database']}?user=migrator&sslmode=verify-full"
                       f"&sslrootcert={state['root_certificate']}")
            says_ok(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{JDBC}", "Jdbc", address, "transaction", "listens"],
                    env={**os.environ, "PGPASSFILE": state["passfile"]})


PAST_THE_POOLER = "SELECT inet_client_addr() IS NOT NULL"


def test_application_port_is_the_poolers():
    with stack() as directory:
        state = status(directory)
        application, own = state["pooler"]["port"], state["port"]
        assert abs(own - application) >= 10_000, state
        lines = dict(line.split(maxsplit=1) for line in pgkeep("status", "--dir", directory).stdout.splitlines())
        assert lines["app"] == f"psql '{pooled(state, 'app')}'" and lines["direct"] == f"psql '{uri(state, 'app')}'", lines
        assert lines["migrate"] == f"psql '{uri(state, 'migrator')}'" and f"port={own}" in lines["admin"], lines
        assert f"port {application} (the pooler's), {own} for direct sessions" in lines["server:"], lines
        for target, is_past in ((pooled(state, "app"), "f"), (uri(state, "app"), "t")):
            assert psql(target, PAST_THE_POOLER).stdout.strip() == is_past, target
        # The socket folder has both as well, and the passfile serves there.
        for port in (application, own):
            by_socket = f"postgresql://app@/app?host={state['socket_directory']}&port={port}&passfile={state['passfile']}"
            assert psql(by_socket, "SELECT 1").stdout.strip() == "1"
        assert psql(admin(state), "SHOW listen_addresses").stdout.strip() == "localhost"


def test_older_stack_keeps_its_ports():
    """Where the server has the application's port, as `up` made it before, programs that know it get what they got."""
    with stack() as directory:
        state = status(directory)
        application, other = state["pooler"]["port"], state["port"]
        pgkeep("down", "--dir", directory)
        description = directory / "stack.json"
        older = json.loads(description.read_text())
        assert older.pop("pooler_has_app_port") is True
        description.write_text(json.dumps({**older, "port": application, "pool_port": other}))
        for words in ((), ("--port", application), ()):
            pgkeep("up", "--dir", directory, *words)
            now = status(directory)
            assert (now["port"], now["pooler"]["port"]) == (application, other), (words, now)
            assert psql(uri(now, "app"), PAST_THE_POOLER).stdout.strip() == "t"
            assert psql(pooled(now, "app"), PAST_THE_POOLER).stdout.strip() == "f"
        # Until somebody wants it the new way.
        pgkeep("down", "--dir", directory)
        pgkeep("up", "--dir", directory, "--direct-port", other)
        new = status(directory)
        assert (new["port"], new["pooler"]["port"]) == (other, application), new
        assert psql(pooled(new, "app"), PAST_THE_POOLER).stdout.strip() == "f"


def test_new_password_counts_at_once():
    with stack() as directory, Session(pooled(status(directory), "app")) as kept:
        state = status(directory)
        assert kept.ask("SELECT 1") == ([["1"]], "")
        psql(admin(state), "ALTER ROLE app PASSWORD 'another'")
        renewed = pooled(state, "app").split("&passfile=")[0] + "&password=another"
        assert psql(renewed, "SELECT 1").stdout.strip() == "1", "without another `up`"
        # Not because a server of before was still open.
        psql(admin(state), "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app'")
        assert psql(renewed, "SELECT 1").stdout.strip() == "1"
        assert kept.ask("SELECT 1") == ([["1"]], ""), "who is there stays, on servers of the new password"
        former = psql(pooled(state, "app"), "SELECT 1", check=False)
        assert former.returncode != 0 and "authentication failed" in former.stderr, former.stderr
        # The way that docs/up.md names makes one, and tells the passfile.
        (directory / "secrets/app.password").unlink()
        pgkeep("up", "--dir", directory)
        assert psql(pooled(state, "app"), "SELECT 1").stdout.strip() == "1"
        assert psql(renewed, "SELECT 1", check=False).returncode != 0
        # Only the roles of the stack come in there, and nobody into the pool that asks for secrets.
        secret = (directory / "secrets/app.password").read_text().strip()
        for role, database in (("postgres", "app"), ("app", "pgkeep secrets"), ("postgres", "pgkeep secrets")):
            stranger = psql(f"host=localhost port={state['pooler']['port']} user={role} dbname='{database}' password={secret}", "SELECT 1", check=False)
            assert stranger.returncode != 0 and "failed" in stranger.stderr, (role, database, stranger)


def test_who_may_not_log_in_does_not():
    """A role whose password is over, and one that was locked: as without the pooler, whose servers of before are still open."""
    with stack() as directory:
        state = status(directory)
        assert psql(pooled(state, "app"), "SELECT 1").stdout.strip() == "1"
        for away, back in (("VALID UNTIL '2001-01-01'", "VALID UNTIL 'infinity'"), ("NOLOGIN", "LOGIN")):
            psql(admin(state), f"ALTER ROLE app {away}")
            refused = psql(pooled(state, "app"), "SELECT 1", check=False)
            assert refused.returncode != 0 and "authentication failed" in refused.stderr, (away, refused)
            psql(admin(state), f"ALTER ROLE app {back}")
            assert psql(pooled(state, "app"), "SELECT 1").stdout.strip() == "1", back


def test_status_says_who_waits():
    with stack() as directory:
        state = status(directory)
        pools = json.loads(pgkeep("status", "--dir", directory, "--format", "json").stdout)["pooler"]
        assert (pools["clients"], pools["waiting"]) == (0, 0), pools
        config = (pathlib.Path(state["data"]).parent / "pool/pool.toml").read_text()
        size = int(config.split("[pool.users.monitor]\npool_size = ")[1].split()[0])
        sleep = "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_sleep(600)"
        sleepers = [subprocess.Popen(["psql", "-X", "-q", "-o", os.devnull, "-d", pooled(state, "monitor"), "-c", sleep], stderr=subprocess.DEVNULL)
                    for _ in range(size + 2)]
        try:
            wait_for(lambda: status(directory)["pooler"].get("waiting") == 2, "two clients to wait")
            busy = status(directory)["pooler"]
            assert (busy["clients"], busy["servers"]) == (size + 2, size), busy
            assert f"{size + 2} clients on {size} servers, 2 waiting" in pgkeep("status", "--dir", directory).stdout
        finally:
            for sleeper in sleepers:
                sleeper.kill()
                sleeper.wait()


def test_supervisor_keeps_it():
    with stack() as directory:
        state = status(directory)
        kill(state["pooler"]["pid"])
        after = wait_for(lambda: (now := status(directory))["pooler"]["pid"] not in (0, state["pooler"]["pid"]) and now, "another pooler")
        assert after["server_pid"] == state["server_pid"] and after["pooler"]["restarts"] == 1, after
        wait_for(lambda: psql(pooled(state, "app"), "SELECT 1", check=False).stdout.strip() == "1", "it serves")
        # A supervisor that dies leaves both; the next one adopts them.
        kill(after["supervisor_pid"])
        pgkeep("up", "--dir", directory)
        adopted = status(directory)
        assert (adopted["server_pid"], adopted["pooler"]["pid"]) == (after["server_pid"], after["pooler"]["pid"]), adopted
        # Clients are refused while no server is there, and not for long once it is back (server_login_retry is 15 s elsewhere).
        os.kill(adopted["supervisor_pid"], signal.SIGSTOP)
        try:
            kill(adopted["server_pid"])
            impatient = pooled(state, "app") + "&connect_timeout=2"
            wait_for(lambda: "server login has been failing" in psql(impatient, "SELECT 1", check=False).stderr, "the pooler to miss the server", 30)
        finally:
            os.kill(adopted["supervisor_pid"], signal.SIGCONT)
        wait_for(lambda: status(directory)["server_pid"] not in (0, after["server_pid"]), "a new server")
        wait_for(lambda: psql(pooled(state, "app"), "SELECT 1", check=False).stdout.strip() == "1", "the pooler finds it", 10)


def test_down_ends_it_and_up_brings_it_back():
    with stack() as directory:
        state = status(directory)
        pgkeep("down", "--dir", directory)
        assert not pathlib.Path(f"/proc/{state['pooler']['pid']}").exists()
        assert not (pathlib.Path(state["socket_directory"]) / f".s.PGSQL.{state['pooler']['port']}").exists()
        stopped = status(directory)
        assert stopped["state"] == "stopped" and stopped["pooler"]["pid"] == 0, stopped
        pgkeep("up", "--dir", directory)
        again = status(directory)
        assert again["pooler"]["port"] == state["pooler"]["port"] and psql(pooled(again, "app"), "SELECT 1").stdout.strip() == "1"
