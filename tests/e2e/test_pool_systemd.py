"""pgkeep pool under systemd: notifications and socket activation, as Debian's pgbouncer has them."""
import contextlib
import os
import re
import signal
import socket

from pooler import KINDS
from support import Server, as_account, folder, run, wait_for
from test_pool_process import Home, running


@contextlib.contextmanager
def notify_socket(home):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home / "notify"))
        os.chmod(home / "notify", 0o777)
        manager.settimeout(30)
        yield manager


def test_systemd_notify():
    with folder() as home:
        for kind in KINDS:
            each = Home(home, kind)
            argv = as_account(["env", f"NOTIFY_SOCKET={each.path}/notify", str(each.program), str(each.ini)])
            with notify_socket(each.path) as manager, running(each, argv) as process:
                assert manager.recv(4096) == b"READY=1", kind
                with socket.create_connection(("127.0.0.1", each.port)):
                    pass  # It serves when it says so.
                if kind == "ours":  # Of 1.25, with the clock that Type=notify-reload asks for; 1.18 says READY=1 again.
                    os.kill(each.pid(), signal.SIGHUP)
                    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(4096))
                    assert manager.recv(4096) == b"READY=1"
                os.kill(each.pid(), signal.SIGINT)
                if kind == "ours":
                    assert manager.recv(4096) == b"STOPPING=1"
                process.wait(30)


LISTEN = """
import os, socket, sys
where = os.fdopen(3, closefd=False)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_systemd_sockets():
    """Sockets that the service manager opened, TCP and Unix; the file's addresses are not used then."""
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            each = Home(home, kind, databases={"app": f"host={server.home} port={server.port} dbname=postgres"})
            with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
                tcp.bind(("127.0.0.1", 0))
                tcp.listen(64)
                unix.bind(str(home / f"{kind}.sock"))
                os.chmod(home / f"{kind}.sock", 0o777)
                unix.listen(64)
                saved = [os.dup(fd.fileno()) for fd in (tcp, unix)]
                moved = {3: saved[0], 4: saved[1]}

                def place(moved=moved):
                    high = {target: os.dup2(fd, 60 + target) for target, fd in moved.items()}
                    for target, fd in high.items():
                        os.dup2(fd, target)

                argv = as_account(["python3", "-c", LISTEN, "2", str(each.program), str(each.ini)])
                with running(each, argv, preexec_fn=place, close_fds=False) as process:
                    wait_for(lambda: "process up" in each.log() or process.poll() is not None, "it runs")
                    assert each.log().count("socket passed from service manager (fd ") == 2, each.log()
                    at = f"host=127.0.0.1 port={tcp.getsockname()[1]} user=postgres dbname=app sslmode=disable"
                    assert run(["psql", "-X", "-A", "-t", "-d", at, "-c", "SELECT 42"], timeout=60).stdout == "42\n"
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(str(home / f"{kind}.sock"))
                        client.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
                        assert client.recv(1) in (b"N", b"S")
                    with socket.socket() as probe:
                        assert probe.connect_ex(("127.0.0.1", each.port)) != 0, "the file's own address is served"
                for fd in saved:
                    os.close(fd)
