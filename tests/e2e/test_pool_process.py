"""pgkeep pool as a process: PgBouncer's command line, the background, pid files, accounts, syslog. Beside Debian's pgbouncer where both can."""
import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from pooler import KINDS, PGBOUNCER, Client, Console, Pooler
from support import ACCOUNT, PGKEEP, Server, Skip, as_account, folder, free_port, pgkeep, run, wait_for



class Home:
    """A folder with an ini, and both programs under one name. `at`: how the file's pooler is reached."""

    def __init__(self, home, kind, settings=None, databases=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=home))
        self.kind, self.port = kind, free_port()
        self.program = self.path / "pgbouncer"
        if kind == "pgbouncer" and PGBOUNCER is None:
            raise Skip("pgbouncer is not installed")
        self.program.symlink_to(PGKEEP if kind == "ours" else PGBOUNCER)
        (self.path / "users").write_text('"postgres" ""\n')
        base = {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": self.path, "auth_type": "trust",
                "auth_file": self.path / "users", "pidfile": self.path / "pid", "logfile": self.path / "log"}
        lines = ["[databases]", *(f"{name} = {options}" for name, options in (databases or {"app": ""}).items()), "[pgbouncer]",
                 *(f"{key} = {value}" for key, value in {**base, **(settings or {})}.items())]
        self.ini = self.path / "pool.ini"
        self.ini.write_text("\n".join(lines) + "\n")
        self.own()

    def own(self):
        self.path.chmod(0o755)
        if os.geteuid() == 0:
            for path in [self.path, *(path for path in self.path.iterdir() if not path.is_symlink())]:
                shutil.chown(path, ACCOUNT)

    def run(self, *words, check=False, account=True):
        """To its end; as the servers' account, for neither runs as root."""
        argv = [str(self.program), *map(str, words)]
        return run(as_account(argv) if account else argv, check=check, timeout=30)

    def log(self):
        path = self.path / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def pid(self):
        path = self.path / "pid"
        text = path.read_text() if path.exists() else ""
        return int(text) if text.strip() else 0

    def stop(self):
        """Of a daemon."""
        pid = self.pid()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the daemon ends")


def account_of(pid):
    """User, group and the groups of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    line = lambda name: [int(number) for number in re.search(rf"^{name}:(.*)$", status, re.M).group(1).split()]  # noqa: E731
    return line("Uid")[1], line("Gid")[1], set(line("Groups"))


def test_command_line_of_pgbouncer():
    """Words, streams and exit codes, where nothing is started."""
    with folder() as home:
        kinds = [Home(home, kind) for kind in KINDS]
        for words in (["--help"], ["-h"], [], ["--bogus"], ["-x"], ["--user"], ["a.ini", "b.ini"], ["--verb", "--quiet"]):
            told = []
            for each in kinds:
                result = each.run(*words)
                text = (result.stdout + result.stderr).replace(str(each.program), "PROGRAM")
                text = re.split(r"\n(?:Report bugs to|This is pgkeep's)", text)[0]
                told.append((result.returncode, bool(result.stdout), text))
            assert told[0] == told[1], (words, told)
        for each in kinds:
            version = each.run("-V")
            assert version.returncode == 0 and re.match(r"PgBouncer 1\.\d+\.\d+\n", version.stdout), version.stdout
            missing = each.run(each.path / "nothing.ini")
            assert missing.returncode == 1 and "nothing.ini" in missing.stderr and "FATAL" in missing.stderr, (each.kind, missing)


def test_why_it_does_not_start():
    """In the same words, so that scripts find them, to standard error and to the log file; to the latter alone if it is to be quiet."""
    with folder() as home:
        for kind in KINDS:
            wrong = Home(home, kind, {"default_pool_size": "abc"})
            number = next(i for i, line in enumerate(wrong.ini.read_text().splitlines(), 1) if "abc" in line)
            first, last = [re.sub(r"^\S+ \d\d:\d\d:\d\d\.\d{3} \S+ \[\d+\] ", "", line) for line in wrong.run(wrong.ini).stderr.splitlines()]
            words = f'ERROR invalid value "abc" for parameter default_pool_size in configuration ({wrong.ini}:{number})'
            assert first.startswith(words) and last == "FATAL cannot load config file", (kind, first, last)
            for options in ([], ["-q"]):
                nowhere = Home(home, kind, {"pidfile": home / "no folder" / "pid"})
                result = nowhere.run(*options, nowhere.ini)
                told = "FATAL could not open pidfile"
                assert result.returncode == 1 and told in nowhere.log(), (kind, result, nowhere.log())
                assert (told in result.stderr) == (not options) and (options == [] or not result.stderr), (kind, result)


def test_daemon():
    """It serves in the background with a pid file; what went wrong is told by the exit code: by ours of the whole start."""
    with folder() as home:
        for kind in KINDS:
            each = Home(home, kind)
            started = each.run("-d", each.ini)
            assert started.returncode == 0, (kind, started)
            pid = wait_for(each.pid, "the pid file")
            try:
                wait_for(lambda: "process up" in each.log(), "the log says that it runs")
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                assert int(stat[3]) != os.getsid(0) and int(stat[3]) != pid, "in a session of its own, which it does not lead"
                for standard in range(3):
                    assert os.readlink(f"/proc/{pid}/fd/{standard}") == "/dev/null"
                again = each.run("-d", each.ini)
                assert again.returncode == 1 and "unix socket is in use, cannot continue" in again.stderr, (kind, again)
                assert each.pid() == pid, "the pid file of the one that runs was touched"
            finally:
                each.stop()
            assert not (each.path / "pid").exists(), kind
        without = Home(home, "ours", {"pidfile": ""})
        refused = without.run("-d", without.ini)
        assert refused.returncode == 1 and "daemon needs pidfile configured" in refused.stderr, refused
        # A start that fails behind the fork: PgBouncer's exit code is 0 then, and 1.18 goes on with its Unix socket.
        busy = Home(home, "ours")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", busy.port))
            taken.listen()
            failed = busy.run("-d", busy.ini)
        words = f"failed to listen on any address in listen_addr list: 127.0.0.1 (cannot listen on 127.0.0.1:{busy.port}: bind(): Address already in use)"
        assert failed.returncode == 1 and words in failed.stderr, failed
        assert not (busy.path / "pid").exists()


def test_pid_file():
    with folder() as home:
        for kind in KINDS:
            each = Home(home, kind)
            dead = subprocess.Popen(["true"])
            dead.wait()
            (each.path / "pid").write_text(f"{dead.pid}\n")
            each.own()
            assert each.run("-d", each.ini).returncode == 0
            wait_for(lambda: each.pid() not in (0, dead.pid), "a new pid file")
            wait_for(lambda: "stale pidfile, removing" in each.log() and "process up" in each.log(), "the log tells of the old file")
            each.stop()
            for content in (f"{os.getpid()}\n", "nonsense\n", ""):
                (each.path / "pid").write_text(content)
                each.own()
                refused = each.run(each.ini)
                wanted = "pidfile exists, " if kind == "pgbouncer" else f"pidfile '{each.path}/pid' exists, "  # As 1.25 says it.
                assert refused.returncode == 1 and f"{wanted}another instance running?" in refused.stderr + each.log(), (kind, content, refused)
                assert (each.path / "pid").read_text() == content


def test_account():
    """Root becomes the file's user with its groups, or -u's; it never serves as root."""
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    wanted = pwd.getpwnam(ACCOUNT)
    groups = {group.gr_gid for group in grp.getgrall() if ACCOUNT in group.gr_mem} | {wanted.pw_gid}
    with folder() as home:
        for kind in KINDS:
            each = Home(home, kind)
            refused = each.run(each.ini, account=False)
            words = "the pooler should not run as root" if kind == "ours" else "PgBouncer should not run as root"
            assert refused.returncode == 1 and words in refused.stderr + each.log(), (kind, refused)
            unknown = each.run("-u", "nobody-of-that-name", each.ini, account=False)
            assert unknown.returncode == 1 and "could not find user 'nobody-of-that-name' to switch to" in unknown.stderr + each.log(), (kind, unknown)
        for kind, words, settings in [(kind, *how) for kind in KINDS for how in ((["-u", ACCOUNT], {"user": "nobody"}), ([], {"user": ACCOUNT}))]:
            each = Home(home, kind, settings)
            assert each.run("-d", *words, each.ini, account=False).returncode == 0, (kind, words)
            pid = wait_for(each.pid, "the pid file")
            try:
                uid, gid, its_groups = account_of(pid)
                assert (uid, gid) == (wanted.pw_uid, wanted.pw_gid), (kind, words)
                if kind == "ours":  # PgBouncer 1.18 leaves the further ones out.
                    assert its_groups == groups, (words, its_groups)
            finally:
                each.stop()


def test_unix_socket_group_and_mode():
    if os.geteuid() != 0:
        raise Skip("a group that the servers' account is in needs root to know")
    others = [group for group in grp.getgrall() if ACCOUNT in group.gr_mem]
    if not others:
        raise Skip(f"{ACCOUNT} is in no second group")
    with folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": ""}, {"unix_socket_group": others[0].gr_name, "unix_socket_mode": "0770"}) as pooler:
                seen = (pooler.home / f".s.PGSQL.{pooler.port}").stat()
                assert (seen.st_gid, seen.st_mode & 0o777) == (others[0].gr_gid, 0o770), (kind, seen)
        each = Home(home, "ours", {"unix_socket_group": "no-such-group"})
        refused = each.run(each.ini)
        assert refused.returncode == 1 and "could not find group 'no-such-group'" in refused.stderr, refused


def test_quiet_and_verbose():
    with folder() as home:
        for kind in KINDS:
            each = Home(home, kind)
            argv = as_account([str(each.program), "-q", "-v", str(each.ini)])
            with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                wait_for(lambda: "process up" in each.log(), "it runs")
                with socket.create_connection(("127.0.0.1", each.port)) as client:
                    client.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")  # Is there TLS?
                    assert client.recv(1) == b"N"
                    wait_for(lambda: re.search(r" DEBUG .*got connection", each.log()), "a debug line")
                os.kill(each.pid(), signal.SIGTERM)
                out, err = process.communicate(timeout=30)
            assert (out, err) == ("", ""), (kind, out, err)


def test_syslog():
    """What syslog gets: the name, the facility and the level, the process, and the text alone."""
    if os.geteuid() != 0:
        raise Skip("/dev/log cannot be made without root")
    if os.path.lexists("/dev/log"):
        raise Skip("/dev/log belongs to somebody here")
    with folder() as home, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("/dev/log")
        said, ended = [], threading.Event()

        def listen():  # All the time: what else runs on the machine speaks here, too, and waits where nobody reads.
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    said.append(log.recv(65536).decode().rstrip("\0"))

        log.settimeout(0.2)
        os.chmod("/dev/log", 0o666)
        listener = threading.Thread(target=listen)
        listener.start()
        try:
            for kind, facility, number in ((kind, *each) for kind in KINDS for each in (("local3", 19), ("nowhere", 3))):
                settings = {"syslog": 1, "syslog_ident": "my-pool", "syslog_facility": facility, "logfile": ""}
                with Pooler(kind, home, {"app": ""}, settings) as pooler:
                    wanted = re.compile(rf"<(\d+)>.* my-pool\[{pooler.pid()}\]: process up")
                    seen = wait_for(lambda: next(filter(None, map(wanted.match, said)), None), f"{kind} to tell it")
                    assert int(seen[1]) == (number << 3) | 6, (kind, seen[0])
        finally:
            ended.set()
            listener.join()
            os.unlink("/dev/log")


@contextlib.contextmanager
def running(each, argv, **options):
    """In the foreground; it ends with the test, however that ends."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid() or process.pid, signal.SIGQUIT if each.kind == "ours" else signal.SIGTERM)  # 1.18 does not catch SIGQUIT.


def test_flags_of_our_own():
    with folder() as home:
        each = Home(home, "ours")
        words = ["--user", ACCOUNT] if os.geteuid() == 0 else []
        pgkeep("pool", "--daemon", *words, each.ini)
        try:
            with socket.create_connection(("127.0.0.1", each.port)):
                pass  # It serves when it returns.
            refused = pgkeep("pool", *words, each.ini, check=False)
            assert refused.returncode == 3 and "unix socket is in use" in refused.stderr, refused
        finally:
            each.stop()


def cancel(port, key):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as asker:
        asker.sendall(b"\0\0\0\x10\x04\xd2\x16\x2e" + key)
        asker.recv(1)


def test_peers_pass_cancel_requests_on():
    """Two processes on one port, as 1.25's manual shows (1.18 has no peers): whichever a cancel request reaches, the query ends."""
    with Server(15) as server, folder() as home, contextlib.ExitStack() as stack:
        port = free_port()
        at = f"host={server.home} port={server.port} dbname=postgres"
        folders = [home / f"peer-{number}" for number in (1, 2)]
        for path in folders:
            path.mkdir()
            if os.geteuid() == 0:
                shutil.chown(path, ACCOUNT)
        poolers = []
        for number in (1, 2):
            settings = {"listen_port": port, "so_reuseport": 1, "peer_id": number, "unix_socket_dir": folders[number - 1],
                        "pool_mode": "session"}
            pooler = Pooler("ours", home, {"app": at}, settings, '"postgres" ""\n', more="[peers]\n" + "".join(
                f"{other} = host={folders[other - 1]} port={port}\n" for other in (1, 2)))
            pooler.port = port
            poolers.append(stack.enter_context(pooler))
        for _ in range(12):  # The kernel chooses by the client's port: both get clients and requests.
            with Client(poolers[0], "app") as client:
                assert (client.key[1] + (client.key[2] << 8)) in (1, 2) and client.key[7] & 3 == 3 and client.key[0] < 128, client.key
                client.send(client.message(b"Q", b"SELECT pg_sleep(60)\0"))
                wait_for(lambda: server.psql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"), "the query runs")
                cancel(port, client.key)
                assert any(b"57014" in content for kind, content in client.until(b"Z") if kind == b"E")
        assert sum(pooler.log().count("started sending cancel request") for pooler in poolers) >= 12
        spent = bytearray(client.key)
        spent[1:3] = (77, 0)
        cancel(port, bytes(spent))
        wait_for(lambda: any("could not find peer to forward request to" in pooler.log() for pooler in poolers), "an unknown peer is told of")
        spent[7] &= 0xFC
        cancel(port, bytes(spent))
        wait_for(lambda: any("its TTL was exhausted" in pooler.log() for pooler in poolers), "a request goes round three times at most")


def test_a_peer_has_a_pool_for_cancel_requests():
    """pool_size of a peer and SHOW PEER_POOLS, as 1.25's manual says: so many requests are on their way to it, the next ones wait."""
    with folder() as home, socket.create_server(("127.0.0.1", 0)) as peer, contextlib.ExitStack() as stack:
        peers = f"[peers]\n1 = host=127.0.0.1\n2 = host=127.0.0.1 port={peer.getsockname()[1]} pool_size=2\n"
        settings = {"peer_id": 1, "admin_users": "postgres", "cancel_wait_timeout": 0}
        pooler = stack.enter_context(Pooler("ours", home, {"app": "host=127.0.0.1"}, settings, '"postgres" ""\n', more=peers))
        console = stack.enter_context(Console(pooler))

        def shown(peer_id):
            row = console.row("SHOW PEER_POOLS", peer_id=peer_id)
            return [int(row[name]) for name in ("cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active_cancel", "sv_login")]

        def asker():
            one = stack.enter_context(socket.create_connection(("127.0.0.1", pooler.port), timeout=30))
            one.sendall(b"\0\0\0\x10\x04\xd2\x16\x2e" + bytes([0, 2, 0, 0, 1, 2, 3, 3]))  # Of a client of peer 2.
            return one

        askers = [asker() for _ in range(5)]
        wait_for(lambda: shown("2") == [2, 3, 2, 0], "three wait for two")
        assert shown("1") == [0, 0, 0, 0]
        for left in (2, 1, 0):
            with peer.accept()[0] as carrier:
                assert carrier.recv(100) == b"\0\0\0\x10\x04\xd2\x16\x2e" + bytes([0, 2, 0, 0, 1, 2, 3, 2])
            wait_for(lambda: shown("2") == [2, left, 2, 0], f"{left} wait")
        for _ in range(2):
            peer.accept()[0].close()
        assert [each.recv(1) for each in askers] == [b""] * 5 and shown("2") == [0, 0, 0, 0]
        assert console.row("SHOW PEERS", peer_id="2")["pool_size"] == "2"
        assert console.ask("SET cancel_wait_timeout = 1") == "SET cancel_wait_timeout=1"
        assert [asker().recv(1) for _ in range(3)] == [b""] * 3, "those that nobody takes are given up"


def test_a_loop_for_each_core_that_it_may_use():
    allowed = sorted(os.sched_getaffinity(0))
    with folder() as home:
        for cores in sorted({1, len(allowed)}):
            each = Home(home, "ours")
            argv = as_account(["taskset", "-c", ",".join(map(str, allowed[:cores])), str(each.program), str(each.ini)])
            with running(each, argv) as process:
                wait_for(lambda: "process up" in each.log() or process.poll() is not None, "it runs")
                assert re.search(rf"process up: .* {cores} loops?\n", each.log()), (cores, process.poll(), each.log())


def test_check_asks_servers_for_their_limits():
    """Whether each gives as many connections as all pools may ask for; what cannot be asked is named, and nothing fails."""
    with Server(15, {"max_connections": 20}) as server, folder() as home:
        at, nowhere = f"host=127.0.0.1 port={server.port} dbname=postgres", free_port()
        each = Home(home, "ours", {"default_pool_size": 6, "reserve_pool_size": 2},
                    {"app": at, "second": at + " pool_size=10", "dead": f"host=127.0.0.1 port={nowhere}"})

        def checked(*words):
            return json.loads(pgkeep("pool", "check", "--format", "json", *words, each.ini).stdout)

        told = checked()
        assert told["servers"][0] == {"server": f"127.0.0.1:{server.port}", "wanted": 20, "given": 17}, told
        assert told["servers"][1]["server"] == f"127.0.0.1:{nowhere}" and "given" not in told["servers"][1] and told["servers"][1]["problem"], told
        warning = f"127.0.0.1:{server.port} gives 17 connections (max_connections without those that are reserved), and the pools may ask for 20"
        assert [one for one in told["warnings"] if one.startswith(warning)], told
        text = pgkeep("pool", "check", each.ini).stdout
        assert f"  server    127.0.0.1:{server.port}: gives 17 connections, the pools may ask for 20\n" in text and f"  warning   {warning}" in text, text
        assert f"  server    127.0.0.1:{nowhere}: the pools may ask for 8; its limit was not asked (" in text, text
        assert checked("--offline")["servers"] == []
        # As many for each user, unless a limit is in the way; where only verifiers are known nobody can ask.
        (each.path / "users").write_text('"postgres" ""\n"other" "md5' + "0" * 32 + '"\n')
        assert checked()["servers"][0]["wanted"] == 40
        ini = each.ini.read_text()
        each.ini.write_text(ini + "share_listen = 1\n")
        assert checked()["servers"][0]["wanted"] == 40, "nothing is shared in session mode"
        shares = ini + "share_listen = 1\npool_mode = transaction\n"
        each.ini.write_text(shares)
        assert checked()["servers"][0]["wanted"] == 42, "one that listens for each database"
        each.ini.write_text(shares + "max_db_connections = 1\n")
        assert [one for one in checked()["warnings"] if one.startswith("share_listen takes a server connection")]
        each.ini.write_text(shares + "max_db_connections = 8\n")
        told = checked()
        assert told["servers"][0]["wanted"] == 16 and not [one for one in told["warnings"] if "gives 17" in one], told
        each.ini.write_text(ini + "max_server_connections = 5\n")
        assert checked()["servers"][0]["wanted"] == 5
        (each.path / "users").write_text('"other" "md5' + "0" * 32 + '"\n')
        assert checked()["servers"][0]["problem"] == "no file has a user's password"


def test_check_of_what_cannot_start():
    """What ends every start on this machine: both say the same, and so does PgBouncer where it has the key."""
    with folder() as home:
        for settings, words in (({"metrics_listen": "localhost:9127"}, "metrics_listen = localhost:9127 is no address"),
                                ({"user": "nobody-of-that-name"}, "could not find user 'nobody-of-that-name'"),
                                ({"unix_socket_group": "no-such-group"}, "could not find group 'no-such-group'"),
                                ({"listen_addr": "127.0.0.1,999.1.1.1"}, "Name or service not known")):
            for kind in KINDS:
                each = Home(home, kind, settings)
                refused = each.run(each.ini)
                told = refused.stderr + each.log()
                assert refused.returncode == 1 and (words in told or kind == "pgbouncer" and "FATAL" in told), (kind, settings, refused)
            checked = pgkeep("pool", "check", "--offline", each.ini, check=False)
            assert checked.returncode >= 2 and words in checked.stderr and not checked.stdout, (settings, checked)
        # PgBouncer starts with this one, and takes another.
        each = Home(home, "ours", {"syslog_facility": "nowhere"})
        checked = pgkeep("pool", "check", "--offline", each.ini, check=False)
        assert checked.returncode == 1 and 'invalid value "nowhere" for parameter syslog_facility: daemon is taken' in checked.stdout, checked
        assert each.run("-d", each.ini).returncode == 0
        try:
            wait_for(lambda: re.search(r'WARNING .*invalid value "nowhere" for parameter syslog_facility: daemon is taken', each.log()), "the log says so")
        finally:
            each.stop()


def test_toml_and_check():
    with Server(15) as server, folder() as home:
        each = Home(home, "ours", databases={"app": f"host={server.home} port={server.port} dbname=postgres"})
        toml = each.path / "pgkeep.toml"
        converted = pgkeep("pool", "convert", each.ini)
        assert converted.stderr == "", converted
        toml.write_text(converted.stdout)
        other = each.path / "other.ini"
        other.write_text(each.ini.read_text() + f"conffile = {each.ini}\n")
        converted = pgkeep("pool", "convert", other)
        assert converted.stdout == toml.read_text() and re.search(r"^warning: .*other\.ini:\d+: conffile is left out: ", converted.stderr), converted
        each.own()
        checked = [pgkeep("pool", "check", *words).stdout.split("\n", 1)[1] for words in ([each.ini], ["--config", toml])]
        assert checked[0] == checked[1] and f"database  app -> {server.home}:{server.port}/postgres, session pooling" in checked[0], checked
        user = ["--user", ACCOUNT] if os.geteuid() == 0 else []
        pgkeep("pool", "--daemon", *user, cwd=each.path)  # ./pgkeep.toml
        try:
            with Client(type("At", (), {"port": each.port}), "app") as client:
                assert client.values("SELECT 42") == ["42"]
        finally:
            each.stop()
        toml.write_text(toml.read_text() + "\n[lint]\nnonsense = 1\n")
        wrong = pgkeep("pool", "check", "--config", toml, check=False)
        assert wrong.returncode == 2 and re.search(r"pgkeep\.toml:\d+:1: unknown key \"lint\.nonsense\"", wrong.stderr), wrong.stderr
        nothing = pgkeep("pool", cwd=home, check=False)
        assert nothing.returncode == 2 and "pool convert" in nothing.stderr, nothing.stderr
