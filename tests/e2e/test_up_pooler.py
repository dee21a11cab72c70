"""The pooler of `pgkeep up`: who comes in through it, that it is kept running, and that it ends with the rest."""
import pathlib

from support import pgkeep, wait_for
from test_up import kill, psql, stack, status, uri


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
        users = pathlib.Path(state["data"]).parent / "pool" / "users"
        assert users.stat().st_mode & 0o777 == 0o600 and users.read_text().count("SCRAM-SHA-256$") == 5


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
        kill(adopted["server_pid"])
        wait_for(lambda: status(directory)["server_pid"] not in (0, after["server_pid"]), "a new server")
        wait_for(lambda: psql(pooled(state, "app"), "SELECT 1", check=False).stdout.strip() == "1", "the pooler finds it")


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
