"""pgkeep pool: which server a connection goes to: lists of hosts, what a server must be, names and their addresses."""
import concurrent.futures
import contextlib
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading

from pooler import KINDS, Client, Console, FakeServer, Pooler
from support import Server, Skip, Standby, folder, wait_for

POSTGRES = '"postgres" ""\n'


@contextlib.contextmanager
def primary_and_standby():
    """Both on one port, each in the socket's folder of its own: so one entry can name both."""
    with Server(15) as primary, Standby(primary) as standby:
        standby.stop()
        standby.port = primary.port
        with open(standby.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"port = {primary.port}\nlisten_addresses = ''\n")
        standby.start()
        yield primary, standby


def test_what_a_server_must_be():
    """target_session_attrs: 1.18 does not have it, so this follows the documentation of 1.25."""
    with primary_and_standby() as (primary, standby), folder() as home:
        at = f"port={primary.port} dbname=postgres host="
        one, other = f"{primary.home},{standby.home}", f"{standby.home},{primary.home}"
        cases = {"rw": (other, "read-write", "f"), "ro": (one, "read-only", "t"), "first": (other, "primary", "f"), "second": (one, "standby", "t"),
                 "any": (other, "any", "t")}
        databases = {name: f"{at}{hosts} target_session_attrs={wanted}" for name, (hosts, wanted, _) in cases.items()}
        databases["nobody"] = f"{at}{standby.home} target_session_attrs=primary"
        with Pooler("ours", home, databases, {"server_login_retry": 1, "client_login_timeout": 3}, POSTGRES) as pooler:
            for name, (_, _, want) in cases.items():
                with Client(pooler, name) as client:
                    assert client.values("SELECT pg_is_in_recovery()") == [want], name
            try:
                Client(pooler, "nobody")
                raise AssertionError("a standby was taken for a primary")
            except ConnectionError as error:
                assert str(error) == "client_login_timeout (server down)"
            words = "closing because: server does not satisfy target_session_attrs"
            wait_for(lambda: pooler.log().count(words) >= 5, "each that was not wanted is named")


def test_hosts_take_turns_or_not():
    """load_balance_hosts: round-robin as 1.18 does, the rest from the documentation of 1.25."""
    with primary_and_standby() as (primary, standby), folder() as home:
        at = f"port={primary.port} dbname=postgres host="
        databases = {"turns": f"{at}{primary.home},{standby.home}", "same": f"{at}{primary.home},{standby.home} load_balance_hosts=disable",
                     "next": f"{at}{home},{standby.home} load_balance_hosts=disable"}

        def where(pooler, database):
            with Client(pooler, database) as first, Client(pooler, database) as second:
                first.query("BEGIN")
                second.query("BEGIN")
                return sorted(client.values("SELECT pg_is_in_recovery()")[0] for client in (first, second))

        for kind in KINDS:
            with Pooler(kind, home, {"turns": databases["turns"]}, {}, POSTGRES) as pooler:
                assert where(pooler, "turns") == ["f", "t"], kind
        with Pooler("ours", home, databases, {"server_login_retry": 1}, POSTGRES) as pooler:
            assert where(pooler, "turns") == ["f", "t"]
            assert where(pooler, "same") == ["f", "f"]
            assert where(pooler, "next") == ["t", "t"]


network = itertools.count(1)  # No two name servers of a run have one address.


class Names:
    """Debian's dnsmasq as the name server of the zone pool.test, on an address of the loopback of its own."""

    def __init__(self, home):
        self.program = shutil.which("dnsmasq", path="/usr/sbin:/sbin")
        if self.program is None:
            raise Skip("dnsmasq is not installed")
        if os.geteuid() != 0:
            raise Skip("the port of name servers is root's")
        self.address = f"127.77.{os.getpid() % 250 + 1}.{next(network)}"
        self.resolv_conf = home / "resolv.conf"
        self.resolv_conf.write_text(f"nameserver {self.address}\n")
        self.serial = 1
        self.process = None

    def say(self, *addresses):
        """From now on these are the addresses of db.pool.test, and the zone has another serial."""
        self.stop()
        self.serial += 1
        records = [f"--host-record=db.pool.test,{address}" for address in addresses]
        self.process = subprocess.Popen(
            [self.program, "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--port=53", f"--listen-address={self.address}",
             "--bind-interfaces", "--no-resolv", "--no-hosts", "--auth-zone=pool.test", f"--auth-server=ns.pool.test,{self.address}",
             f"--auth-soa={self.serial},admin.pool.test", "--auth-ttl=1", *records], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        if self.process is not None:
            assert self.process.poll() is None, "dnsmasq has ended by itself"
            self.process.terminate()
            self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class SilentNames:
    """A name server that answers for good.pool.test alone. asked: which names it was asked for."""

    def __init__(self, home):
        if os.geteuid() != 0:
            raise Skip("the port of name servers is root's")
        address = f"127.78.{os.getpid() % 250 + 1}.{next(network)}"
        self.resolv_conf = home / "silent.conf"
        self.resolv_conf.write_text(f"nameserver {address}\n")
        self.asked = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            question, who = self.socket.recvfrom(2000)
            if not question:
                return
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            self.asked.add(".".join(labels))
            if labels[0] != "good":
                continue
            is_ipv4 = question[at + 1:at + 3] == b"\0\1"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_ipv4 else b""
            head = question[:2] + b"\x81\x80\0\1" + struct.pack("!H", int(is_ipv4)) + bytes(4)
            self.socket.sendto(head + question[12:at + 5] + answer, who)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


def test_names_that_get_no_answer():
    """However many of them there are, they are asked for side by side, and a name that is known to the server has its servers meanwhile."""
    dead = {f"dead{i}.pool.test" for i in range(24)}
    with FakeServer() as server, folder() as home, SilentNames(home) as names:
        databases = {"good": f"host=good.pool.test port={server.port}", **{name.split(".")[0]: f"host={name}" for name in dead}}
        for kind in KINDS:
            names.asked.clear()
            settings = {"resolv_conf": names.resolv_conf, "dns_max_ttl": 1, "server_login_retry": 1, "max_client_conn": 500}
            with Pooler(kind, home, databases, settings, POSTGRES) as pooler, contextlib.ExitStack() as stack:
                for name in dead:
                    client = stack.enter_context(Client(pooler, is_started=False))
                    body = struct.pack("!I", 196608) + b"user\0postgres\0database\0" + name.split(".")[0].encode() + b"\0\0"
                    client.send(struct.pack("!I", len(body) + 4) + body)
                wait_for(lambda: dead <= names.asked, f"{kind} asks for all of them")
                with Client(pooler, "good") as good:
                    assert [kind for kind, _ in good.query("SELECT 1")] == [b"C", b"Z"], kind


def test_the_end_waits_for_no_lookup():
    with folder() as home, SilentNames(home) as names:
        with open(names.resolv_conf, "a", encoding="utf-8") as options:
            options.write("options timeout:90\n")
        settings = {"resolv_conf": names.resolv_conf, "pidfile": "HOME/pid"}
        with Pooler("ours", home, {"dead": "host=dead.pool.test"}, settings, POSTGRES) as pooler, Client(pooler, is_started=False) as client:
            body = struct.pack("!I", 196608) + b"user\0postgres\0database\0dead\0\0"
            client.send(struct.pack("!I", len(body) + 4) + body)
            wait_for(lambda: names.asked, "the name is asked for")
            pooler.signal(signal.SIGQUIT)
            assert pooler.process.wait(60) == 0
            assert "got SIGQUIT" in pooler.log()
            assert not (pooler.home / "pid").exists() and not list(pooler.home.glob(".s.PGSQL.*"))


@contextlib.contextmanager
def names_and_server():
    with folder() as home, Server(15, {"listen_addresses": "127.0.0.1,127.0.0.2"}) as server, Names(home) as names:
        with open(server.data / "pg_hba.conf", "a", encoding="utf-8") as hba:
            hba.write("host all all 127.0.0.0/8 trust\n")
        server.psql("SELECT pg_reload_conf()")
        yield home, server, names, {"db": f"host=db.pool.test port={server.port} dbname=postgres"}


def address_of(client):
    return client.values("SELECT host(inet_server_addr())")[0]


def test_a_name_gets_another_address():
    """dns_max_ttl and resolv_conf: the next connection asks again, and servers of the address that is gone go when nobody works with them."""
    with names_and_server() as (home, _, names, databases):
        for kind in KINDS:
            names.say("127.0.0.1")
            settings = {"resolv_conf": names.resolv_conf, "dns_max_ttl": 1, "admin_users": "postgres"}
            with Pooler(kind, home, databases, settings, POSTGRES) as pooler, Client(pooler, "db") as first, Console(pooler) as console:
                assert address_of(first) == "127.0.0.1"
                names.say("127.0.0.2")
                first.query("BEGIN")

                def is_asked_again():
                    with Client(pooler, "db") as second:  # The first server is in use: this one needs another.
                        second.query("BEGIN")
                        return address_of(second) == "127.0.0.2"

                wait_for(is_asked_again, f"{kind} asks for the name again")
                assert address_of(first) == "127.0.0.1"  # Its transaction goes on.
                first.query("COMMIT")
                wait_for(lambda: address_of(first) == "127.0.0.2", f"{kind} leaves the address that is gone")
                known = console.rows("SHOW DNS_HOSTS")
                assert len(known) == 1 and known[0]["addrs"].startswith("127.0.0.2"), (kind, known)


def test_a_zone_gets_another_serial():
    """dns_zone_check_period: names of the zone are asked for again, long before dns_max_ttl, and idle servers of an address that is gone are closed,
    in whichever thread they are."""
    with names_and_server() as (home, _, names, databases):
        for kind in KINDS:
            names.say("127.0.0.1")
            settings = {"resolv_conf": names.resolv_conf, "dns_max_ttl": 600, "dns_zone_check_period": 1, "admin_users": "postgres"}
            with Pooler(kind, home, databases, settings, POSTGRES) as pooler, contextlib.ExitStack() as stack:
                clients = [stack.enter_context(Client(pooler, "db")) for _ in range(4)]
                for client in clients:
                    client.query("BEGIN")
                assert [address_of(client) for client in clients] == ["127.0.0.1"] * 4
                for client in clients:
                    client.query("COMMIT")

                def have_moved():
                    return pooler.log().count("database configuration changed") == len(clients)

                def say():
                    names.say("127.0.0.2")  # Whatever serial it saw first, this is another.
                    with contextlib.suppress(AssertionError):
                        wait_for(have_moved, "the idle servers are closed", 5)
                    return have_moved()

                wait_for(say, f"{kind} looks at the zone", 120)
                zones = stack.enter_context(Console(pooler)).rows("SHOW DNS_ZONES")
                assert [(row["zonename"], row["count"]) for row in zones] == [("pool.test", "1")] and int(zones[0]["serial"]) > 0, (kind, zones)
                assert address_of(clients[0]) == "127.0.0.2"


def test_a_name_that_comes_late():
    """dns_nxdomain_ttl: that there is no such name is believed for a while only."""
    with names_and_server() as (home, _, names, databases), concurrent.futures.ThreadPoolExecutor() as threads:
        for kind in KINDS:
            names.say()
            settings = {"resolv_conf": names.resolv_conf, "dns_nxdomain_ttl": 1, "server_login_retry": 1}
            with Pooler(kind, home, databases, settings, POSTGRES) as pooler:
                first = threads.submit(Client, pooler, "db")
                wait_for(lambda: "server DNS lookup failed" in pooler.log(), f"{kind} says that there is none")
                names.say("127.0.0.1")
                with first.result(60) as client:
                    assert address_of(client) == "127.0.0.1"
