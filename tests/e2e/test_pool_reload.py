"""pgkeep pool reads its files again: on SIGHUP as PgBouncer 1.18 does, which runs beside from the same ini file."""
import signal
import threading

from pooler import KINDS, Client, Console, FakeServer, Pooler, errors_in, on_loop
from support import Server, folder, wait_for

USERS = '"postgres" ""\n'


def at(server, dbname="postgres"):
    return f"host={server.home} port={server.port} dbname={dbname}"


def reload(pooler, *pairs):
    """Puts other words into the ini file and tells the pooler. What it leads to is to be waited for."""
    ini = pooler.home / "pool.ini"
    text = ini.read_text()
    for old, new in pairs:
        assert old in text, (old, text)
        text = text.replace(old, new)
    ini.write_text(text)
    heard = pooler.log().count("got SIGHUP, re-reading config")
    pooler.signal(signal.SIGHUP)
    wait_for(lambda: pooler.log().count("got SIGHUP, re-reading config") > heard, "it heard SIGHUP")


def told_at_login(pooler, database, user="postgres"):
    """What somebody is told who wants in; nothing where he is let in."""
    try:
        with Client(pooler, database, user):
            return ""
    except ConnectionError as told:
        return str(told)


def backends(server):
    return int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")[0][0])


def test_sizes_modes_and_limits():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {"default_pool_size": 1, "server_round_robin": 0}, USERS) as pooler, \
                    Client(pooler, "app") as one, Client(pooler, "app") as other:
                one.query("BEGIN")
                other.send(other.message(b"Q", b"SELECT 'second'\0"))
                reload(pooler, ("default_pool_size = 1", "default_pool_size = 2"))
                assert other.until(b"Z")[-1] == (b"Z", b"I"), "there is a place for it now"
                one.query("COMMIT")
                wait_for(lambda: backends(server) == 2, "both servers are idle")
                reload(pooler, ("default_pool_size = 2", "default_pool_size = 1"))
                wait_for(lambda: backends(server) == 1, "one too many is closed")
                reload(pooler, ("pool_mode = transaction", "pool_mode = statement"))
                wait_for(lambda: errors_in(Client(pooler, "app").query("BEGIN")) == ["transaction blocks not allowed in statement pooling mode"],
                         "the mode is another")
                reload(pooler, ("pool_mode = statement", "pool_mode = transaction"), ("default_pool_size = 1", "query_timeout = 1"))
                with Client(pooler, "app") as slow:
                    slow.send(slow.message(b"Q", b"SELECT pg_sleep(4)\0"))
                    assert errors_in(slow.until(b"E")) == ["query timeout"], kind


def test_another_connection_string():
    """Idle servers go at once, one that is used when it is released; whoever comes next gets the new place."""
    with Server(15) as server, folder() as home:
        server.create_database("second")
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {"default_pool_size": 2}, USERS) as pooler, \
                    Client(pooler, "app") as busy, Client(pooler, "app") as idle:
                busy.query("BEGIN")
                assert idle.values("SELECT current_database()") == ["postgres"]
                wait_for(lambda: backends(server) == 2, "two servers")
                reload(pooler, ("dbname=postgres", "dbname=second"))
                wait_for(lambda: backends(server) == 1, "the idle one is closed")
                assert idle.values("SELECT current_database()") == ["second"], kind
                assert busy.values("SELECT current_database()") == ["postgres"], "its transaction goes on"
                busy.query("COMMIT")
                assert busy.values("SELECT current_database()") == ["second"], kind
                wait_for(lambda: "closing because: database configuration changed" in pooler.log(), "the log says why")


def test_the_greeting_is_of_the_server_of_now():
    """After RECONNECT (the server was upgraded) and RELOAD (another one serves) clients of every event loop are told what the new server says of itself."""
    for kind in KINDS:
        with FakeServer() as first, FakeServer() as second, folder() as home, \
                Pooler(kind, home, {"app": f"host=127.0.0.1 port={first.port}"}, {"admin_users": "postgres"}, USERS) as pooler, Console(pooler) as console:
            def told():
                versions = set()
                for loop in range(2):
                    with on_loop(pooler, loop) as client:
                        versions.add(client.parameters["server_version"])
                return versions

            assert told() == {"16.0"}, kind
            first.version = "17.5"
            assert console.ask("RECONNECT") == "RECONNECT" and told() == {"17.5"}, kind
            second.version = "18.1"
            reload(pooler, (f"port={first.port}", f"port={second.port}"))
            wait_for(lambda: told() == {"18.1"}, f"{kind} tells of the other one")


def test_databases_come_and_go():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server), "more": at(server)}, {"admin_users": "postgres"}, USERS) as pooler, \
                    Console(pooler) as console, Client(pooler, "app") as gone, Client(pooler, "more") as stays:
                gone.query("BEGIN")
                reload(pooler, ("app =", "new ="))
                assert errors_in(gone.until(b"E")) == ["database removed"] and gone.is_closed()
                wait_for(lambda: told_at_login(pooler, "app") == "no such database: app", "it is gone")
                assert stays.values("SELECT 1") == ["1"]
                with Client(pooler, "new") as newcomer:
                    assert newcomer.values("SELECT 2") == ["2"]
                wait_for(lambda: "dropping database 'app' as it does not exist anymore or inactive auto-database" in pooler.log(), "the log says so")
                reload(pooler, ("new =", "app ="))
                wait_for(lambda: told_at_login(pooler, "app") == "", "it is back")
                with Client(pooler, "app") as again:
                    assert again.values("SELECT 3") == ["3"], kind

                def begins_anew():
                    reload(pooler, ("app =", "new ="))
                    wait_for(lambda: told_at_login(pooler, "app") == "no such database: app", "it is gone")
                    reload(pooler, ("new =", "app ="))
                    wait_for(lambda: told_at_login(pooler, "app") == "", "it is back")
                    with Client(pooler, "app") as again:
                        again.query("SELECT 4")
                        return console.row("SHOW STATS", database="app")["total_query_count"] == "1"

                wait_for(begins_anew, f"{kind} forgets a pool that is gone, with all that belongs to it", 20)


def test_users_of_auth_file():
    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE other LOGIN; CREATE ROLE third LOGIN")
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {}, USERS) as pooler:
                assert "authentication failed" in told_at_login(pooler, "app", "other")
                (pooler.home / "users").write_text(USERS + '"other" ""\n')
                reload(pooler)
                wait_for(lambda: told_at_login(pooler, "app", "other") == "", f"{kind} knows the new user")
                third = pooler.home / "third"
                third.write_text('"third" ""\n')
                reload(pooler, (f"auth_file = {pooler.home}/users", f"auth_file = {third}"))
                wait_for(lambda: told_at_login(pooler, "app", "third") == "", f"{kind} knows the user of the other file")
                if kind == "ours":  # 1.18 forgets passwords of those who are gone, which "trust" does not ask for.
                    assert "authentication failed" in told_at_login(pooler, "app", "other")


def test_a_broken_file_changes_nothing():
    """Ours says where the mistake is, and keeps every setting; 1.18 keeps its databases."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {"default_pool_size": 3}, USERS) as pooler, Client(pooler, "app") as client:
                reload(pooler, ("default_pool_size = 3", "default_pool_size = nonsense"))
                wait_for(lambda: "config file loading failed" in pooler.log(), "it says so")
                assert client.values("SELECT 1") == ["1"] and told_at_login(pooler, "app") == ""
                if kind == "ours":
                    line = [number for number, text in enumerate((pooler.home / "pool.ini").read_text().splitlines(), 1) if "nonsense" in text][0]
                    assert f"pool.ini:{line}" in pooler.log() and 'invalid value "nonsense" for parameter default_pool_size' in pooler.log(), pooler.log()


def test_what_only_a_start_can_change():
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {}, USERS) as pooler:
                reload(pooler, (f"listen_port = {pooler.port}", "listen_port = 1"), ("pool_mode = transaction", "pool_mode = session"))
                assert told_at_login(pooler, "app") == "", "it listens where it did"
                if kind == "ours":
                    told = f'listen_port cannot be changed while the pooler runs: it stays "{pooler.port}"'
                    wait_for(lambda: told in pooler.log(), "the log says so")
                with Client(pooler, "app") as client:
                    assert client.values("SELECT 1") == ["1"], kind


def test_tracked_parameters_stay():
    """track_extra_parameters after RELOAD and SET: what is tracked stays as it was at the start, for old clients and servers as for new ones,
    so that no value gets under another one's name. 1.18 does not have the key: after the documentation of 1.25."""
    old, new = "track_extra_parameters = IntervalStyle", "track_extra_parameters = search_path, IntervalStyle"
    wanted = ["iso_8601"], ["postgres"], ['"$user", public']
    with Server(18) as server, folder() as home:
        settings = {"admin_users": "postgres", "track_extra_parameters": "IntervalStyle", "default_pool_size": 1}
        with Pooler("ours", home, {"app": at(server)}, settings, USERS) as pooler, Console(pooler) as console:
            def seen(client):
                return [client.values(f"SHOW {name}") for name in ("IntervalStyle", "search_path")]

            with Client(pooler, "app", parameters={"intervalstyle": "iso_8601"}) as early, Client(pooler, "app") as plain:
                assert seen(early) == [wanted[0], wanted[2]]
                reload(pooler, (old, new))
                wait_for(lambda: 'track_extra_parameters cannot be changed while the pooler runs: it stays "IntervalStyle"' in pooler.log(), "the log says so")
                assert console.row("SHOW CONFIG", key="track_extra_parameters")["value"] == "IntervalStyle"
                assert console.refusal("SET track_extra_parameters = 'search_path'") == "SET failed"
                for _ in range(2):
                    with Client(pooler, "app", parameters={"intervalstyle": "sql_standard"}) as late:
                        for _ in range(2):
                            assert seen(late) == [["sql_standard"], wanted[2]]
                            assert seen(early) == [wanted[0], wanted[2]]
                            assert seen(plain) == [wanted[1], wanted[2]]
                    console.ask("RECONNECT")  # The second time with another server.


def test_the_log_is_opened_anew():
    """As logrotate wants it: the file is moved away, the pooler told, and what comes then is in a new one."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {"logfile": "HOME/file"}, USERS) as pooler:
                file, moved = pooler.home / "file", pooler.home / "moved"
                wait_for(lambda: file.exists() and "process up" in file.read_text(), "the file has the log")
                file.rename(moved)
                reload(pooler)
                wait_for(lambda: told_at_login(pooler, "app") == "" and file.exists() and "login attempt" in file.read_text(), "a new file has what came since")


def test_under_load():
    """Follows the documentation of 1.25 (prepared statements in transaction mode): sizes, modes and max_prepared_statements change while clients
    work, and none of them gets a wrong answer or loses its connection."""
    with Server(15) as server, folder() as home, \
            Pooler("ours", home, {"app": at(server)}, {"default_pool_size": 3, "max_prepared_statements": 200}, USERS) as pooler:
        stop = threading.Event()
        counts, wrong = [0] * 6, []

        def work(number):
            message = Client.message
            with Client(pooler, "app") as client:
                while not stop.is_set():
                    value = f"{number}-{counts[number]}"
                    if number % 2:
                        rows = client.values(f"SELECT '{value}'")
                    else:
                        client.send(message(b"P", b"\0SELECT '" + value.encode() + b"'\0\0\0"), message(b"B", bytes(8)), message(b"E", bytes(5)), message(b"S"))
                        rows = [content[6:].decode() for kind, content in client.until(b"Z") if kind == b"D"]
                    if rows != [value]:
                        wrong.append((value, rows))
                        return
                    counts[number] += 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(counts))]
        for thread in threads:
            thread.start()
        before, after = ("default_pool_size = 3", "max_prepared_statements = 200"), ("default_pool_size = 1", "max_prepared_statements = 0")
        for _ in range(10):
            seen = sum(counts)
            wait_for(lambda: wrong or sum(counts) > seen + 200, "the load runs")
            reload(pooler, *zip(before, after))
            before, after = after, before
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong, wrong
