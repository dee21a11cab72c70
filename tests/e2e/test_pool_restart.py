"""Online restart: pgkeep pool --takeover (pgbouncer -R). PgBouncer's own moves clients by SUSPEND and drops those with TLS; ours is tried alone."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess

from certificates import FOR_CLIENTS, Certificates
from pooler import KINDS, Client, Console, FakeServer, Pooler
from support import Server, Skip, folder, run, wait_for
from test_pool_process import Home, cancel

BOUND = [Client.message(b"B", b"\0here\0\0\0\0\0\0\0"), Client.message(b"E", b"\0\0\0\0\0"), Client.message(b"S")]


def is_gone(pid):
    return not pathlib.Path(f"/proc/{pid}").exists()


def restart(each):
    """The id of the old process."""
    pid = each.pid()
    assert each.run("-R", "-d", each.ini).returncode == 0
    assert each.pid() != pid
    return pid


def runs(server, what):
    return server.psql(f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%{what}%'") != [["0"]]


def test_clients_move_with_all_that_they_have():
    """Clients that stay connected for ever do not keep the old process: parameters, settings, statements and cancel keys go along."""
    with Server(15) as server, folder() as home:
        each = Home(home, "ours", {"pool_mode": "transaction", "keep_session_settings": 1, "max_prepared_statements": 10},
                    {"app": f"host={server.home} port={server.port} dbname=postgres"})
        assert each.run("-d", each.ini).returncode == 0
        at = type("At", (), {"port": each.port})
        with Client(at, "app", parameters={"application_name": "stays"}) as idle, Client(at, "app") as busy:
            idle.query("SET DateStyle = 'German, DMY'")
            idle.query("SET work_mem = '7MB'")
            idle.query("SET app.tenant = 'seven'")
            idle.send(idle.message(b"P", b"here\0SELECT 'prepared before'\0\0\0"), idle.message(b"S"))
            idle.until(b"Z")
            busy.query("BEGIN")
            for turn in range(2):  # From the second to a third, too.
                old = restart(each)
                said = ["SHOW DateStyle", "SHOW work_mem", "SHOW application_name", "SHOW app.tenant"]
                assert [idle.values(sql)[0] for sql in said] == ["German, DMY", "7MB", "stays", "seven"], turn
                idle.send(*BOUND)
                rows = [content for kind, content in idle.until(b"Z") if kind == b"D"]
                assert rows and rows[0].endswith(b"prepared before"), (turn, rows)
                # Its key is the old one, and finds it where it is now.
                idle.send(idle.message(b"Q", b"SELECT pg_sleep(60), 'of the idle one'\0"))
                wait_for(lambda: runs(server, "of the idle one"), "the query runs")
                cancel(each.port, idle.key)
                assert any(b"57014" in content for kind, content in idle.until(b"Z") if kind == b"E")
                # One that is still in the old process is found as well.
                busy.send(busy.message(b"Q", b"SELECT pg_sleep(60), 'of the busy one'\0"))
                wait_for(lambda: runs(server, "of the busy one"), "the query runs")
                cancel(each.port, busy.key)
                assert any(b"57014" in content for kind, content in busy.until(b"Z") if kind == b"E")
                assert not is_gone(old), "it ended before its last client"
                busy.query("ROLLBACK")
                wait_for(lambda: is_gone(old), "the old process ends, though nobody has left")
                assert busy.values("SELECT 'here again'") == ["here again"]
                busy.query("BEGIN")
            busy.query("COMMIT")
        assert "2 clients of the old process came over" in each.log()
        each.stop()


def test_clients_that_stay():
    """With TLS, or a LISTEN: the old process serves them until they leave. One whose database is gone is told so."""
    with Server(15) as server, folder() as home:
        at = f"host={server.home} port={server.port} dbname=postgres"
        each = Home(home, "ours", {"pool_mode": "transaction", "share_listen": 1, **FOR_CLIENTS}, {"app": at, "gone": at})
        each.ini.write_text(each.ini.read_text().replace("HOME", str(each.path)))
        made = Certificates(home / "made")
        for name, text in made.files().items():
            (each.path / name).write_text(text)
        each.own()
        assert each.run("-d", each.ini).returncode == 0
        at = type("At", (), {"port": each.port})
        with Client(at, "app", tls=made.context()) as secure, Client(at, "app") as listener, Client(at, "gone") as lost:
            listener.query("LISTEN news")
            assert lost.values("SELECT 1") == ["1"]
            each.ini.write_text(re.sub("^gone = .*$", "", each.ini.read_text(), flags=re.M))
            old = restart(each)
            assert any(kind == b"E" and b"no such database: gone" in content for kind, content in lost.until(b"E"))
            assert secure.values("SELECT 'as before'") == ["as before"]
            server.psql("NOTIFY news, 'heard'")
            assert any(kind == b"A" and b"heard" in content for kind, content in listener.until(b"A"))
            listener.query("UNLISTEN *")  # Now it can go.
            assert listener.values("SELECT 1") == ["1"] and not is_gone(old)
        wait_for(lambda: is_gone(old), "the old process ends with its last client")
        each.stop()


def test_the_old_process_gives_its_servers_up():
    """While somebody stays in it, it keeps no servers but those that are used: the new one needs their places. Nor does it open any for min_pool_size."""
    def counted():
        return int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'")[0][0])

    with Server(15) as server, folder() as home:
        server.psql("CREATE ROLE app LOGIN")
        settings = {"min_pool_size": 3, "default_pool_size": 3, "admin_users": "app"}
        with Pooler("ours", home, {"app": f"host={server.home} port={server.port} dbname=postgres user=app"}, settings, '"app" ""\n') as pooler, \
                Client(pooler, "app", "app") as stays:
            stays.query("BEGIN")
            wait_for(lambda: counted() == 3, "as many as min_pool_size")
            former = pooler.take_over()
            wait_for(lambda: counted() == 4, "those of the new one, and one that is used")
            with Client(pooler, "app", "app") as newcomer, Console(pooler, "app") as console:
                newcomer.query("BEGIN")
                before = pooler.log().count("new connection to server")
                assert console.ask("RECONNECT") == "RECONNECT"
                newcomer.query("COMMIT")
                wait_for(lambda: pooler.log().count("new connection to server") >= before + 3, "the new one opens others")
            wait_for(lambda: counted() == 4, "no more than before")
            assert former.poll() is None
            stays.query("COMMIT")
            assert former.wait(30) == 0 and stays.values("SELECT 1") == ["1"]


def test_the_new_process_dies():
    """By kill -9, while clients may be on their way: whoever is in the old process is served by it."""
    with Server(15) as server, folder() as home:
        each = Home(home, "ours", {"pool_mode": "transaction"}, {"app": f"host={server.home} port={server.port} dbname=postgres"})
        assert each.run("-d", each.ini).returncode == 0
        at = type("At", (), {"port": each.port})
        with Client(at, "app") as busy, Client(at, "app") as idle:
            assert idle.values("SELECT 1") == ["1"]
            busy.query("BEGIN")
            old = restart(each)
            os.kill(each.pid(), signal.SIGKILL)
            assert busy.values("SELECT 'still here'") == ["still here"]
            busy.query("COMMIT")
            assert busy.values("SELECT 2") == ["2"], "it goes nowhere, for nobody is there"
        wait_for(lambda: is_gone(old), "the old process ends with its last client")


def test_online_restart_loses_nobody():
    """Three restarts by -R under pgbench with a connection for each transaction, and clients that stay: none of them notices."""
    with Server(15) as server, folder() as home:
        each = Home(home, "ours", {"pool_mode": "transaction", "max_client_conn": 200},
                    {"app": f"host={server.home} port={server.port} dbname=postgres"})
        run([server.bin / "pgbench", "-q", "-i", "-s", "1", server.uri()])
        assert each.run("-d", each.ini).returncode == 0
        pids = [each.pid()]
        at = type("At", (), {"port": each.port})
        with Client(at, "app") as idle, Client(at, "app") as busy:
            busy.query("BEGIN")
            bench = [subprocess.Popen([server.bin / "pgbench", "-n", "-S", *words, "-c", "4", "-T", "6", "-h", "127.0.0.1", "-p", str(each.port), "-U", "postgres",
                                       "app"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PGSSLMODE": "disable"})
                     for words in (["-C"], ["-M", "simple"])]
            for _ in range(3):
                count = server.psql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'")
                assert each.run("-R", "-d", each.ini).returncode == 0
                assert each.pid() not in pids, "the new process has the pid file"
                pids.append(each.pid())
                wait_for(lambda: server.psql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'") != count, "work goes on")
            for process in bench:
                out, err = process.communicate(timeout=60)
                assert process.returncode == 0 and re.search(r"failed transactions: 0 ", out), (out, err)
            assert idle.values("SELECT 1") == ["1"] and busy.values("SELECT 2") == ["2"]
            busy.query("COMMIT")
        for pid in pids[:-1]:
            wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the former processes end with their last clients")
        assert (each.path / f".s.PGSQL.{each.port}").exists() and each.pid() == pids[-1], "they took what is another's with them"
        with Client(at, "app") as client:
            assert client.values("SELECT 3") == ["3"]
        each.stop()
        assert each.run("-R", "-d", each.ini).returncode == 0, "where none runs it starts as usual"
        wait_for(lambda: "old process not found, try to continue normally" in each.log(), "and says so")
        each.stop()


def test_a_new_process_with_fewer_descriptors():
    """It takes as many clients as it has some for, and lets the others be served by the old one."""
    with FakeServer() as server, folder() as home, contextlib.ExitStack() as stack, \
            Pooler("ours", home, {"app": f"host=127.0.0.1 port={server.port}"}, {"max_client_conn": 500}, '"postgres" ""\n') as pooler:
        clients = [stack.enter_context(Client(pooler, "app")) for _ in range(100)]
        former = pooler.process
        pooler.process = pooler.started(["prlimit", "--nofile=100:100", *pooler.argv[:2], "--takeover", *pooler.argv[2:]])
        for _ in range(3):
            for client in clients:
                assert [kind for kind, _ in client.query("SELECT 1")] == [b"C", b"Z"]
        assert former.poll() is None
        for client in clients:
            client.close()
        assert former.wait(30) == 0
        count = re.search(r"(\d+) clients of the old process came over", wait_for(lambda: "came over" in pooler.log() and pooler.log(), "the log says so"))
        assert 0 < int(count.group(1)) < 80, count.group(0)


def test_what_a_new_process_would_not_know_of():
    """PAUSE and its like hold for whoever is connected: nothing is handed over meanwhile, and whoever asks is told why. PgBouncer as well, but for DISABLE."""
    orders = {"PAUSE": ("RESUME", "it is paused"), "PAUSE app": ("RESUME app", 'its database "app" is paused')}
    of_ours = {"SUSPEND": ("RESUME", "it is suspended"), "KILL app": ("RESUME app", 'its database "app" is killed'),
               "DISABLE app": ("ENABLE app", 'its database "app" is disabled')}
    with FakeServer() as server, folder() as home:
        for kind in KINDS:
            each = Home(home, kind, {"admin_users": "postgres"}, {"app": f"host=127.0.0.1 port={server.port}"})
            assert each.run("-d", each.ini).returncode == 0
            pid = wait_for(each.pid, "the pid file")
            at = type("At", (), {"port": each.port})
            try:
                with Console(at) as console:
                    for order, (back, reason) in {**orders, **(of_ours if kind == "ours" else {})}.items():
                        assert console.ask(order) == order.split()[0]
                        refused = each.run("-R", each.ini)
                        assert refused.returncode == 1 and each.pid() == pid, (kind, order, refused)
                        assert kind == "pgbouncer" or f"the running process hands nothing over: {reason}" in refused.stderr, (order, refused)
                        assert console.ask(back) == back.split()[0], (kind, order)
                with Client(at, "app") as client:
                    assert [kind for kind, _ in client.query("SELECT 1")] == [b"C", b"Z"]
                assert each.run("-R", "-d", each.ini).returncode == 0
                wait_for(lambda: each.pid() not in (0, pid), f"{kind}: with all as usual another process takes over")
            finally:
                each.stop()


def test_paused_while_another_process_starts():
    """Between the sockets and the word that it serves: it does not."""
    with folder() as home:
        each = Home(home, "ours", {"admin_users": "postgres"})
        assert each.run("-d", each.ini).returncode == 0
        try:
            with Console(type("At", (), {"port": each.port})) as console, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as late:
                late.connect(str(each.path / f".s.PGSQL.{each.port}.takeover"))
                late.settimeout(30)
                _, fds, _, _ = socket.recv_fds(late, 65536, 253)
                for fd in fds:
                    os.close(fd)
                assert console.ask("PAUSE") == "PAUSE"
                late.send(b"S")
                assert late.recv(1000) == b"objection\tit is paused\n" and late.recv(1000) == b""
                assert console.ask("RESUME") == "RESUME"
        finally:
            each.stop()


def test_a_restart_that_fails_leaves_the_old_one():
    with folder() as home:
        each = Home(home, "ours")
        assert each.run("-d", each.ini).returncode == 0
        pid = each.pid()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as thief:
                thief.connect(str(each.path / f".s.PGSQL.{each.port}.takeover"))
                thief.settimeout(30)
                _, fds, _, _ = socket.recv_fds(thief, 65536, 253)
                for fd in fds:
                    os.close(fd)
                assert fds
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", each.port), timeout=30) as client:
                    client.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
                    assert client.recv(1) == b"N"
            assert each.run("-R", "-d", each.ini).returncode == 0
            assert each.pid() != pid
        finally:
            each.stop()


# Waits under the name of the socket that a new process looks for, and hands it a socket. Prints what it is told: "S" is "now it is mine".
IMPOSTOR = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
listener.listen(1)
listener.settimeout(60)
print("waits", flush=True)
peer, _ = listener.accept()
try:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        socket.send_fds(peer, [b"tcp\\t127.0.0.1:1\\t\\n"], [listening.fileno()])
    print("told", peer.recv(1), flush=True)
except OSError:
    print("left alone", flush=True)
"""


def as_nobody(*argv):
    """Another account than the pooler's."""
    if os.geteuid() != 0:
        raise Skip("only root can be another account")
    return ["runuser", "-u", "nobody", "--", *map(str, argv)]


def shared_folder(home, mode=0o1777):
    """Where everybody may write, as in /tmp."""
    path = home / f"shared-{mode:o}"
    path.mkdir()
    path.chmod(mode)
    return path


def test_nobody_else_hands_clients_over():
    """In a folder where all may write: whose socket it is that a new process finds. It would believe it who its clients are."""
    with folder() as home:
        each = Home(home, "ours", {"unix_socket_dir": shared_folder(home)})
        name = f".s.PGSQL.{each.port}.takeover"
        impostor = subprocess.Popen(as_nobody("python3", "-c", IMPOSTOR, home / "shared-1777" / name), stdout=subprocess.PIPE, text=True)
        try:
            assert impostor.stdout.readline() == "waits\n"
            refused = each.run("-R", "-d", each.ini)
            assert impostor.stdout.readline() in ("told b''\n", "left alone\n")
            assert refused.returncode != 0 and f"its process has uid {os.stat(home / 'shared-1777' / name).st_uid}" in refused.stderr, refused
            assert each.pid() == 0, each.log()
        finally:
            impostor.kill()
            impostor.wait()
            impostor.stdout.close()
        # A link to the socket of another pooler of ours, which keeps what it has.
        other = Home(home, "ours")
        assert other.run("-d", other.ini).returncode == 0
        try:
            linked = Home(home, "ours", {"unix_socket_dir": shared_folder(home, 0o777)})
            run(as_nobody("ln", "-s", other.path / f".s.PGSQL.{other.port}.takeover", home / "shared-777" / f".s.PGSQL.{linked.port}.takeover"))
            refused = linked.run("-R", "-d", linked.ini)
            assert refused.returncode != 0 and "is not ours" in refused.stderr, refused
            assert "takes over" not in other.log()
            # Its own process is trusted there.
            assert other.run("-R", "-d", other.ini).returncode == 0
            wait_for(lambda: "takes over" in other.log(), "the log says so")
        finally:
            other.stop()


def metrics_at(port):
    """What is answered there; nothing where nobody is."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as asker, asker.makefile("rb") as answer:
        asker.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return answer.read()
    return b""


def test_a_restart_that_cannot_have_all_that_it_needs():
    """What the new process cannot have ends it before the old one lets go, which serves as before; the log says why."""
    with Server(15) as server, folder() as home:
        each = Home(home, "ours", {"pool_mode": "transaction"}, {"app": f"host={server.home} port={server.port} dbname=postgres"})
        at = type("At", (), {"port": each.port})
        assert each.run("-d", each.ini).returncode == 0
        pid, text = each.pid(), each.ini.read_text()
        try:
            with Client(at, "app") as stays:
                stays.query("BEGIN")
                for line, words in (("metrics_listen = localhost:9127", "metrics_listen = localhost:9127 is no address"),
                                    ("metrics_listen = 192.0.2.1:9127", "metrics_listen = 192.0.2.1:9127: Cannot assign requested address"),
                                    (f"pidfile = {home}/none/pid", f"could not open pidfile '{home}/none/pid")):
                    each.ini.write_text(f"{text}{line}\n")
                    refused = each.run("-R", "-d", each.ini)
                    assert refused.returncode == 1 and words in refused.stderr, (line, refused)
                    assert each.pid() == pid and [path.name for path in each.path.glob("pid*")] == ["pid"], line
                    with Client(at, "app") as comes:
                        assert comes.values("SELECT 1") == ["1"], line
                    assert stays.values("SELECT 2") == ["2"], line
                    assert "takes over" not in each.log()
                    if "is no address" not in words:  # That is found before the log is opened.
                        assert re.search(rf" FATAL .*{re.escape(words)}", each.log()), each.log()
            # The port of the metrics is somebody else's for a while: no reason not to serve.
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                each.ini.write_text(f"{text}metrics_listen = 127.0.0.1:{port}\n")
                assert restart(each) == pid
                wait_for(lambda: f"WARNING metrics_listen = 127.0.0.1:{port} is in use: no metrics until it is free" in each.log(), "the log says so")
                with Client(at, "app") as comes:
                    assert comes.values("SELECT 1") == ["1"]
            wait_for(lambda: b"200 OK" in metrics_at(port), "the port is free, and has the metrics")
            # Of the process before: it has to let go of the port first.
            pid = each.pid()
            restart(each)
            assert b"200 OK" in metrics_at(port) and each.log().count("is in use: no metrics") == 1
        finally:
            each.stop()
        wait_for(lambda: is_gone(pid), "the old process ends with its clients")


def test_a_file_in_the_way_of_online_restarts():
    """Somebody else's under the name of that socket: a start is one all the same, and says what is not possible."""
    with Server(15) as server, folder() as home:
        each = Home(home, "ours", {"unix_socket_dir": shared_folder(home)}, {"app": f"host={server.home} port={server.port} dbname=postgres"})
        path = home / "shared-1777" / f".s.PGSQL.{each.port}.takeover"
        run(as_nobody("touch", path))
        started = each.run("-d", each.ini)
        assert started.returncode == 0, started
        try:
            wait_for(lambda: f"WARNING no online restart is possible: {path}: cannot bind: " in each.log(), "the log says so")
            with Client(type("At", (), {"port": each.port}), "app") as client:
                assert client.values("SELECT 1") == ["1"]
        finally:
            each.stop()
