"""pgkeep pool: users that no file knows: asked from a server (auth_query), from a directory server (LDAP) and from the system (PAM)."""
import concurrent.futures
import contextlib
import csv
import io
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading

from pooler import KINDS, Client, Console, FakeServer, Pooler, errors_in
from support import ACCOUNT, PSQL, Server, Skip, as_account, folder, free_port, run, wait_for
from test_pool_login import try_psql

LOOKUP = """
CREATE TABLE asked (name text);
CREATE FUNCTION lookup(name text, OUT uname text, OUT phash text) RETURNS record LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO asked VALUES (name);
  SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END FROM pg_authid WHERE rolname = name AND rolcanlogin
    INTO uname, phash;
END $$;
CREATE ROLE keeper LOGIN PASSWORD 'kept';
SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'secret'; CREATE ROLE late LOGIN PASSWORD 'secret' VALID UNTIL '2001-01-01';
SET password_encryption = 'md5'; CREATE ROLE digest LOGIN PASSWORD 'secret';
CREATE ROLE open LOGIN;
"""
QUERY = {"auth_user": "keeper", "auth_query": "SELECT uname, phash FROM lookup($1)"}
KEEPER = '"keeper" "kept"\n'


@contextlib.contextmanager
def server_with_lookup():
    with Server(15) as server:
        server.psql(LOOKUP)
        server.create_database("other")
        (server.data / "pg_hba.conf").write_text("local all postgres trust\nhost all open 127.0.0.1/32 trust\nhost all digest 127.0.0.1/32 md5\n"
                                                 "host all all 127.0.0.1/32 scram-sha-256\n")
        server.psql("SELECT pg_reload_conf()")
        yield server, f"host=127.0.0.1 port={server.port}"


def test_a_server_is_asked_for_secrets():
    """auth_user and auth_query of all and of a database; the secret opens the server as well, and a SCRAM login passes its keys on."""
    with server_with_lookup() as (server, at), folder() as home:
        for auth_type, users in (("md5", ("scram", "digest")), ("scram-sha-256", ("scram",)), ("plain", ("digest",))):
            for options, settings in (("", QUERY), (" auth_user=keeper", {"auth_query": QUERY["auth_query"]})):
                for kind in KINDS:
                    databases = {"postgres": at + options, "forced": at + " dbname=postgres user=open" + options}
                    with Pooler(kind, home, databases, {"auth_type": auth_type, **settings}, KEEPER) as pooler:
                        for user in users:
                            who = (kind, auth_type, options, user)
                            assert try_psql(pooler, "postgres", user, "secret") == f"{user}@postgres", who
                            assert "authentication failed" in try_psql(pooler, "postgres", user, "wrong"), who
                            assert try_psql(pooler, "forced", user, "secret") == "open@postgres", who
                        for nobody in ("late", "nobody"):  # One has no secret that would do.
                            assert "@" not in try_psql(pooler, "postgres", nobody, "secret"), (kind, auth_type, nobody)


def test_who_exists_is_not_told():
    """PgBouncer says "no such user" to whom the query does not find; here he is asked for a password as everybody is, and refused in the same words."""
    with server_with_lookup() as (_, at), folder() as home:
        for auth_type in ("md5", "scram-sha-256", "plain"):
            with Pooler("ours", home, {"postgres": at}, {"auth_type": auth_type, **QUERY}, KEEPER) as pooler:
                told = {user: try_psql(pooler, "postgres", user, "wrong") for user in ("scram", "late", "nobody")}
                assert len(set(told.values())) == 1 and "authentication failed" in told["nobody"], told
                wait_for(lambda: "no such user: nobody" in pooler.log(), "the log says it")


def test_a_database_that_went_before_the_question():
    """Whoever began to log in before RELOAD took his database away is told so, for no server will ever be asked about him. PgBouncer looks for it later."""
    rules = {"hba": "host pgbouncer all 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 md5\n"}
    settings = {"auth_type": "hba", "auth_hba_file": "HOME/hba", "admin_users": "keeper", "client_login_timeout": 600, **QUERY}
    with FakeServer() as server, folder() as home:
        at = f"host=127.0.0.1 port={server.port}"
        with Pooler("ours", home, {"app": at, "stays": at}, settings, KEEPER, files=rules, loops=1) as pooler, \
                Client(pooler, is_started=False) as early, Console(pooler, "keeper") as console:
            body = struct.pack("!I", 196608) + b"user\0unknown\0database\0app\0\0"
            packet = struct.pack("!I", len(body) + 4) + body
            early.send(packet[:1])
            console.rows("SHOW VERSION")  # What was sent before is read before, by the one loop.
            ini = pooler.home / "pool.ini"
            ini.write_text(ini.read_text().replace("app =", "other ="))
            assert console.ask("RELOAD") == "RELOAD"
            early.send(packet[1:])
            assert errors_in(early.until(b"ZE")) == ["database removed"]


def test_a_slow_question_keeps_nobody_waiting():
    """While the server is long about one user, another is asked for by another connection, for the pool has room."""
    query = "SELECT uname, phash FROM lookup($1), (SELECT CASE WHEN $1 = 'digest' THEN pg_advisory_xact_lock(7)::text END) held"
    settings = {**QUERY, "auth_query": query, "auth_type": "md5", "server_check_delay": 0, "stats_users": "keeper"}
    with server_with_lookup() as (server, at), folder() as home, concurrent.futures.ThreadPoolExecutor() as others:
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, settings, KEEPER, loops=1) as pooler, Client(server, "postgres", "open") as holder:
                holder.query("SELECT pg_advisory_lock(7)")
                slow = others.submit(try_psql, pooler, "postgres", "digest", "secret")
                wait_for(lambda: server.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == [["1"]], f"{kind} asks for one")
                assert try_psql(pooler, "postgres", "scram", "secret") == "scram@postgres", kind
                assert not slow.done()
                shown = run([PSQL, "-X", "--csv", "-d", pooler.uri("pgbouncer", "keeper"), "-c", "SHOW POOLS"], env={**os.environ, "PGPASSWORD": "kept"}).stdout
                row = next(row for row in csv.DictReader(io.StringIO(shown)) if row["user"] == "keeper")
                assert row["sv_active"] == "1" and int(row["sv_idle"]) >= 0, (kind, row)
                holder.close()
                assert slow.result() == "digest@postgres", kind


def test_where_the_question_is_asked():
    """auth_dbname and auth_query of all and of a database: 1.18 has neither, so this follows the documentation of 1.25."""
    with server_with_lookup() as (server, at), folder() as home:
        same = {"other": at, "asked": at + " dbname=postgres"}
        own = {"other": at + " auth_dbname=asked auth_query='SELECT uname, phash FROM lookup($1)'", "asked": at + " dbname=postgres"}
        for databases, settings in ((same, {**QUERY, "auth_dbname": "asked"}), (own, {"auth_user": "keeper"})):
            with Pooler("ours", home, databases, {"auth_type": "scram-sha-256", **settings}, KEEPER) as pooler:
                assert try_psql(pooler, "other", "scram", "secret") == "scram@other"
        for name, words in (("gone", 'authentication database "gone" is not configured.'),
                            ("pgbouncer", 'cannot use the reserved "pgbouncer" database as an auth_dbname')):
            with Pooler("ours", home, same, {"auth_type": "scram-sha-256", **QUERY, "auth_dbname": name}, KEEPER) as pooler:
                assert try_psql(pooler, "other", "scram", "secret") == "bouncer config error"
                wait_for(lambda: words in pooler.log(), "the log says why")
        # To the console, too, where only its users are asked for; 1.18 leaves them hanging.
        console = {"auth_type": "scram-sha-256", **QUERY, "admin_users": "scram"}
        with Pooler("ours", home, same, {**console, "auth_dbname": "asked"}, KEEPER) as pooler:
            assert try_psql(pooler, "pgbouncer", "scram", "secret", sql="SHOW VERSION").startswith("PgBouncer")
            assert try_psql(pooler, "pgbouncer", "scram", "wrong", sql="SHOW VERSION") == "SASL authentication failed"
            server.psql("TRUNCATE asked")
            assert try_psql(pooler, "pgbouncer", "digest", "secret", sql="SHOW VERSION") == "SASL authentication failed"
            assert server.psql("SELECT count(*) FROM asked") == [["0"]]
        with Pooler("ours", home, same, console, KEEPER) as pooler:
            assert try_psql(pooler, "pgbouncer", "scram", "secret") == "bouncer config error"
            wait_for(lambda: 'cannot use the reserved "pgbouncer" database as an auth_dbname' in pooler.log(), "the log says why")
        # Who needs no question comes in while that database is disabled.
        settings = {"auth_type": "scram-sha-256", **QUERY, "auth_dbname": "asked", "admin_users": "keeper"}
        with Pooler("ours", home, same, settings, KEEPER) as pooler:
            assert try_psql(pooler, "pgbouncer", "keeper", "kept", sql="DISABLE asked") == "DISABLE"
            assert try_psql(pooler, "other", "scram", "secret") == 'authentication database "asked" is disabled'
            assert try_psql(pooler, "asked", "scram", "secret") == 'database "asked" is disabled'
            assert try_psql(pooler, "other", "keeper", "kept") == "keeper@other"
            assert try_psql(pooler, "pgbouncer", "keeper", "kept", sql="ENABLE asked") == "ENABLE"
            assert try_psql(pooler, "other", "scram", "secret") == "scram@other"


def test_questions_that_fail():
    with server_with_lookup() as (server, at), folder() as home:
        cases = [("SELECT 1, 2, 3 WHERE $1 <> ''", "expected 2 columns from auth_query, not 3"),
                 ("SELECT * FROM missing WHERE a = $1", "error response from auth_query")]
        for query, words in cases:
            for kind in KINDS:
                with Pooler(kind, home, {"postgres": at}, {**QUERY, "auth_type": "md5", "auth_query": query}, KEEPER) as pooler:
                    assert try_psql(pooler, "postgres", "scram", "secret") == "bouncer config error", kind
                    wait_for(lambda: f"closing because: {words}" in pooler.log(), "the log says why")


def test_why_a_question_fails_is_not_told():
    """Who has proved nothing hears no words of the server: they are about auth_user, and say which databases there are."""
    again = "server login has been failing, try again later (server_login_retry)"
    with server_with_lookup() as (_, at), folder() as home:
        for keeper, database in (('"keeper" "wrong"\n', "postgres"), (KEEPER, "secretdb")):
            for kind in KINDS:
                with Pooler(kind, home, {"*": at}, {"auth_type": "scram-sha-256", **QUERY, "query_wait_timeout": 2}, keeper) as pooler:
                    told = [try_psql(pooler, database, "mallory", "guess") for _ in range(3)]
                    assert set(told) <= {"bouncer config error", "query_wait_timeout", again} and told[-1] == again, (kind, told)
                    wait_for(lambda: "keeper" in pooler.log(), "the log has it")


def test_nobody_is_asked_about_who_is_rejected():
    """By the HBA file: 1.18 asks the server before it looks there."""
    hba = "host all scram 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 reject\n"
    with server_with_lookup() as (server, at), folder() as home:
        with Pooler("ours", home, {"postgres": at}, {"auth_type": "hba", "auth_hba_file": "HOME/hba", **QUERY}, KEEPER, {"hba": hba}) as pooler:
            assert try_psql(pooler, "postgres", "digest", "secret") == "login rejected"
            assert try_psql(pooler, "postgres", "scram", "secret") == "scram@postgres"
            assert server.psql("SELECT DISTINCT name FROM asked") == [["scram"]]


# What the owner of a database may do there: each name of the question means something of his.
TRAP = """
CREATE SCHEMA trap;
CREATE FUNCTION trap.spring() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('is_superuser') = 'on' THEN ALTER ROLE owner SUPERUSER; END IF;
  RETURN true;
END $$;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT CASE WHEN trap.spring() THEN pg_catalog.now() END $$;
CREATE FUNCTION trap.is_before(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS $$ SELECT trap.spring() AND false $$;
CREATE OPERATOR trap.< (leftarg = timestamptz, rightarg = timestamptz, function = trap.is_before);
CREATE FUNCTION trap.is_same(name, name) RETURNS boolean LANGUAGE sql AS $$ SELECT trap.spring() $$;
CREATE OPERATOR trap.= (leftarg = name, rightarg = name, function = trap.is_same);
CREATE VIEW trap.pg_authid AS SELECT 'owner'::name AS rolname, 'stolen'::text AS rolpassword, NULL::timestamptz AS rolvaliduntil, trap.spring() AS rolcanlogin;
ALTER DATABASE app SET search_path = trap, pg_catalog, public;
"""


def test_the_question_is_no_trap():
    """auth_user is a superuser as a rule, and asks in the client's database, whose owner says what names mean there: the default auth_query depends on
    none of them. (Up to 1.25.0 PgBouncer's does.)"""
    for major in (14, 15, 16, 17, 18):
        with Server(major) as server, folder() as home:
            server.psql("CREATE ROLE keeper SUPERUSER LOGIN PASSWORD 'kept'; CREATE ROLE owner LOGIN PASSWORD 'own' VALID UNTIL '2099-01-01';"
                        "CREATE ROLE late LOGIN PASSWORD 'own' VALID UNTIL '2001-01-01'; CREATE ROLE out NOLOGIN PASSWORD 'own'")
            server.psql("CREATE DATABASE app OWNER owner")
            run([PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", f"host={server.home} port={server.port} dbname=app user=owner", "-c", TRAP])
            settings = {"auth_type": "scram-sha-256", "auth_user": "keeper"}
            with Pooler("ours", home, {"app": f"host={server.home} port={server.port}"}, settings, KEEPER) as pooler:
                assert try_psql(pooler, "app", "owner", "own") == "owner@app", (major, pooler.log())
                for user in ("late", "out", "nobody"):
                    assert "authentication failed" in try_psql(pooler, "app", user, "own"), (major, user)
            assert server.psql("SELECT rolname FROM pg_roles WHERE rolsuper AND rolname = 'owner'") == [], major


def test_passwords_beyond_ascii():
    """SASLprep on both sides: the client, the pooler and the server write one password in three ways."""
    ways = ("I\u00adX of \u00e9t\u00e9", "IX of e\u0301te\u0301", "\u2168\u00a0of\u00a0\u00e9t\u00e9")
    with server_with_lookup() as (server, at), folder() as home:
        server.psql(f"SET password_encryption = 'scram-sha-256'; CREATE ROLE summer LOGIN PASSWORD '{ways[0]}'")
        for kind in KINDS:
            with Pooler(kind, home, {"postgres": at}, {"auth_type": "scram-sha-256"}, f'"summer" "{ways[1]}"\n') as pooler:
                for way in ways:
                    assert try_psql(pooler, "postgres", "summer", way) == "summer@postgres", (kind, way)
                assert "failed" in try_psql(pooler, "postgres", "summer", "IX of ete"), kind


def test_many_logins_at_once_ask_once_each():
    """They share the few servers of the pool of auth_user, one after the other."""
    with server_with_lookup() as (server, at), folder() as home, concurrent.futures.ThreadPoolExecutor(40) as threads:
        for kind in KINDS:
            server.psql("TRUNCATE asked")
            with Pooler(kind, home, {"postgres": at + " pool_size=2"}, {"auth_type": "trust", **QUERY}, KEEPER) as pooler:
                logins = [threads.submit(Client, pooler, "postgres", "open") for _ in range(40)]
                clients = [login.result(60) for login in logins]
                assert len(clients) == 40
                for client in clients:
                    client.close()
                assert server.psql("SELECT count(*) FROM asked") == [["40"]], kind
                assert int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'keeper'")[0][0]) <= 2


PAM_SERVICE = pathlib.Path("/etc/pam.d/pgbouncer")
ONE_AFTER_THE_OTHER = threading.Lock()  # Tests that need this file.


TAKES_ONE = '[ "$given" = "secret of $PAM_USER" ]'


@contextlib.contextmanager
def pam_service(judge=TAKES_ONE):
    """A module that runs a program, which reads what was given and judges it: written for this test, and removed after it. The folder is HOME in it."""
    if os.geteuid() != 0:
        raise Skip("the service of PAM can be written by root only")
    if not any(pathlib.Path("/usr/lib").glob("*/security/pam_exec.so")) and not any(pathlib.Path("/lib").glob("*/security/pam_exec.so")):
        raise Skip("there is no pam_exec.so")
    with ONE_AFTER_THE_OTHER, folder() as home:
        if PAM_SERVICE.exists():
            raise Skip(f"{PAM_SERVICE} exists: it is not ours")
        program = home / "check"
        program.write_text(f"#!/bin/sh\nread -r given\n{judge.replace('HOME', str(home))}\n")
        program.chmod(0o755)
        PAM_SERVICE.write_text(f"auth required pam_exec.so expose_authtok quiet {program}\naccount required pam_permit.so\n")
        try:
            yield home
        finally:
            PAM_SERVICE.unlink()


def test_pam():
    """The system says who may come in, and is told where from; auth_file is not asked. In an HBA file, too, which PgBouncer does not have."""
    with pam_service(f'echo "$PAM_RHOST" >> HOME/hosts; {TAKES_ONE}') as home, Server(15) as server:
        home.chmod(0o777)
        server.psql("CREATE ROLE app LOGIN PASSWORD 'secret of app'; CREATE ROLE open LOGIN")
        (server.data / "pg_hba.conf").write_text("local all postgres trust\nhost all open 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        server.psql("SELECT pg_reload_conf()")
        databases = {"postgres": f"host=127.0.0.1 port={server.port}", "asks": f"host=127.0.0.1 port={server.port} auth_user=open"}
        for kind in KINDS:
            with Pooler(kind, home, databases, {"auth_type": "pam"}) as pooler:
                assert try_psql(pooler, "postgres", "app", "secret of app") == "app@postgres", (kind, pooler.log())
                told = try_psql(pooler, "postgres", "app", "wrong")
                assert told == ("PAM authentication failed" if kind == "ours" else told) and "failed" in told, (kind, told)
                assert try_psql(pooler, "asks", "app", "secret of app") == "bouncer config error", kind
                assert "secret of" not in pooler.log()
                assert try_psql(pooler, "postgres", "app", "secret of app", more=f"&host={pooler.home}") == "app@postgres"
            assert set((home / "hosts").read_text().split("\n")) == {"127.0.0.1", "unix", ""}, kind
            (home / "hosts").unlink()
        with Pooler("ours", home, databases, {"auth_type": "hba", "auth_hba_file": "HOME/hba"}, '"open" ""\n',
                    files={"hba": "host all open 127.0.0.1/32 pam\nhost all all 127.0.0.1/32 trust\n"}) as pooler:
            assert try_psql(pooler, "postgres", "open", "secret of open") == "open@postgres"
            assert "failed" in try_psql(pooler, "postgres", "open", "wrong")


class Directory:
    """Debian's slapd in a folder of its own, with TLS; the password of everybody in ou=people is "secret of <uid>"."""

    PEOPLE = ("app", "twin")

    def __init__(self, home):
        self.slapd = shutil.which("slapd", path="/usr/sbin:/sbin")
        if self.slapd is None:
            raise Skip("slapd is not installed")
        self.home = home / "ldap"
        (self.home / "data").mkdir(parents=True)
        self.port, self.tls_port = free_port(), free_port()
        self.certificate = self.home / "server.crt"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=directory", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.home / "server.key", "-out", self.certificate])
        config = self.home / "slapd.conf"
        config.write_text(f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {self.home}/pid
TLSCertificateFile {self.certificate}
TLSCertificateKeyFile {self.home}/server.key
database mdb
suffix "dc=example,dc=net"
rootdn "cn=admin,dc=example,dc=net"
rootpw hidden
directory {self.home}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous read
""")
        entries = ["dn: dc=example,dc=net\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example",
                   "dn: ou=people,dc=example,dc=net\nobjectClass: organizationalUnit\nou: people",
                   "dn: ou=twins,dc=example,dc=net\nobjectClass: organizationalUnit\nou: twins"]
        for group, users in (("people", self.PEOPLE), ("twins", ("twin",))):
            entries += [f"dn: uid={user},ou={group},dc=example,dc=net\nobjectClass: inetOrgPerson\nuid: {user}\ncn: {user}\nsn: {user}\n"
                        f"mail: {user}@example.net\nuserPassword: secret of {user}" for user in users]
        (self.home / "entries").write_text("\n\n".join(entries) + "\n")
        if os.geteuid() == 0:
            for path in [self.home, *self.home.iterdir()]:
                shutil.chown(path, ACCOUNT)
        run(as_account([self.slapd, "-T", "add", "-q", "-f", config, "-l", self.home / "entries"]))
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen([str(word) for word in as_account(
                [self.slapd, "-d", "0", "-f", config, "-h", f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"])], stdout=log, stderr=log)
        wait_for(lambda: (self.home / "pid").exists() or self.process.poll() is not None, "slapd runs")
        assert self.process.poll() is None, (self.home / "log").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int((self.home / "pid").read_text()), 15)
        self.process.wait(30)


def test_ldap():
    """Simple bind, search and bind, a filter, ldaps and StartTLS, from auth_ldap_options and from an HBA file: 1.18 has no LDAP, so this
    follows the documentation of 1.25.
    """
    base, admin = '"ou=people,dc=example,dc=net"', 'ldapbinddn="cn=admin,dc=example,dc=net" ldapbindpasswd=hidden'
    with folder() as home, Server(15) as server, Directory(home) as ldap:
        server.psql("CREATE ROLE app LOGIN; CREATE ROLE twin LOGIN")
        databases = {"postgres": f"host=127.0.0.1 port={server.port}"}
        users = '"app" ""\n"twin" ""\n'
        here, there = f"ldapserver=127.0.0.1 ldapport={ldap.port}", f"ldapserver=127.0.0.1 ldapport={ldap.tls_port} ldapscheme=ldaps"
        options = [f'{here} ldapprefix="uid=" ldapsuffix=",ou=people,dc=example,dc=net"', f"{here} ldapbasedn={base}",
                   f"{here} ldapbasedn={base} ldapsearchattribute=cn {admin}", f'{here} ldapbasedn={base} ldapsearchfilter="(mail=$username@example.net)"',
                   f'ldapurl="ldap://127.0.0.1:{ldap.port}/ou=people,dc=example,dc=net?uid?sub"', f"{there} ldapbasedn={base}",
                   f"ldapserver=127.0.0.1 ldapport={ldap.port} ldaptls=1 ldapbasedn={base}"]
        os.environ["LDAPTLS_CACERT"] = str(ldap.certificate)
        try:
            for number, each in enumerate(options):
                in_hba = {"auth_type": "hba", "auth_hba_file": "HOME/hba"}, {"hba": f"host all all 127.0.0.1/32 ldap {each}\n"}
                in_settings = {"auth_type": "ldap", "auth_ldap_options": each}, {}
                for settings, files in (in_settings, in_hba)[:2 if number < 2 else 1]:
                    with Pooler("ours", home, databases, settings, users, files) as pooler:
                        told = try_psql(pooler, "postgres", "app", "secret of app")
                        assert told == "app@postgres", (each, told, pooler.log())
                        assert try_psql(pooler, "postgres", "app", "wrong") == "LDAP authentication failed", each
                        assert "secret of" not in pooler.log() and "hidden" not in pooler.log()
            whole = f'{here} ldapbasedn="dc=example,dc=net"'
            with Pooler("ours", home, databases, {"auth_type": "ldap", "auth_ldap_options": whole}, users) as pooler:
                for user in ("twin", "nobody", "a*", "app)(uid=*"):
                    assert try_psql(pooler, "postgres", user.replace("=", "%3D"), "secret of twin") == "LDAP authentication failed", user
                wait_for(lambda: 'LDAP user "twin" is not unique' in pooler.log(), "the log says why")
        finally:
            del os.environ["LDAPTLS_CACERT"]


def begun_login(pooler, user):
    """A client that has said its password, and has not been answered yet."""
    client = Client(pooler, is_started=False)
    body = struct.pack("!I", 196608) + f"user\0{user}\0database\0postgres\0\0".encode()
    client.send(struct.pack("!I", len(body) + 4) + body)
    assert client.read() == (b"R", struct.pack("!I", 3)), "it is asked for its password"
    client.send(Client.message(b"p", f"secret of {user}\0".encode()))
    return client


def must_not_hinder(pooler, other, is_asked, ends, meanwhile=lambda: None):
    """While nobody answers many logins, another client on the same loop is: each of its queries, and what is done meanwhile, comes before their end."""
    with contextlib.ExitStack() as stack:
        # More than wait in PgBouncer's queue for PAM stop it as a whole.
        logins = [stack.enter_context(begun_login(pooler, "slow")) for _ in range(40 if pooler.kind == "ours" else 10)]
        wait_for(is_asked, "somebody is asked about them")
        for _ in range(200):
            assert other.values("SELECT 7") == ["7"]
        meanwhile()
        assert not all(login.is_closed(0) for login in logins), "some still wait"
        wait_for(lambda: len(re.findall(f"/slow@.* closing because: ({ends})", pooler.log())) == len(logins), "each ends, and the log says why")
        assert "closing because: client_login_timeout" in pooler.log(), "no login is for ever"
        assert other.values("SELECT 8") == ["8"]


# Slow logins have threads of their own: others come in by SCRAM, which threads check as well.
SLOW_SETTINGS = {"auth_type": "hba", "auth_hba_file": "HOME/hba", "client_login_timeout": 10}
SLOW_HBA = "host all open 127.0.0.1/32 trust\nhost all scram 127.0.0.1/32 scram-sha-256\nhost all slow 127.0.0.1/32 {}\n"
SLOW_USERS = '"open" ""\n"scram" "secret"\n"slow" ""\n'


def scram_comes_in(pooler):
    for _ in range(2):
        assert try_psql(pooler, "postgres", "scram", "secret") == "scram@postgres"


def test_a_directory_server_that_says_nothing():
    """It accepts and keeps silent: logins hang on it, a few at a time, and nobody else does. 1.18 has no LDAP."""
    with server_with_lookup() as (_, at), folder() as home, socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        silent.settimeout(0.05)
        accepted = []

        def is_asked():
            with contextlib.suppress(TimeoutError):
                accepted.append(silent.accept()[0])
            return bool(accepted)

        how = f'ldap ldapserver=127.0.0.1 ldapport={silent.getsockname()[1]} ldapprefix="uid=" ldapsuffix=",dc=example,dc=net"'
        with Pooler("ours", home, {"postgres": at}, SLOW_SETTINGS, SLOW_USERS, {"hba": SLOW_HBA.format(how)}, loops=1) as pooler, \
                Client(pooler, "postgres", "open") as other:
            must_not_hinder(pooler, other, is_asked, "client_login_timeout|LDAP authentication failed", lambda: scram_comes_in(pooler))
            for connection in accepted:
                connection.close()


def test_a_system_that_takes_its_time():
    """PAM, whose module waits for a file before it judges one user. In an HBA file as well, where PgBouncer has no PAM."""
    waits = '[ "$PAM_USER" = open ] || while [ ! -e HOME/go ]; do : > HOME/asked; sleep 0.1; done'
    with pam_service(waits) as home, server_with_lookup() as (_, at):
        home.chmod(0o777)
        asked, go = home / "asked", home / "go"
        for kind, by_hba in (("ours", True), ("ours", False), ("pgbouncer", False)):
            settings, files = (SLOW_SETTINGS, {"hba": SLOW_HBA.format("pam")}) if by_hba else ({**SLOW_SETTINGS, "auth_type": "pam"}, {})
            with Pooler(kind, home, {"postgres": at}, settings, SLOW_USERS, files, loops=1) as pooler, \
                    Client(pooler, "postgres", "open") if by_hba else begun_login(pooler, "open") as other:
                assert by_hba or other.until(b"Z")[-1] == (b"Z", b"I"), pooler.log()
                try:
                    must_not_hinder(pooler, other, asked.exists, "client_login_timeout", lambda: scram_comes_in(pooler) if by_hba else None)
                finally:
                    go.touch()
            go.unlink()
            asked.unlink()


SLOW = ["test_a_system_that_takes_its_time", "test_a_directory_server_that_says_nothing"]
