"""pgkeep pool: each key that chooses protocols, ciphers and groups of TLS, as OpenSSL's own client and PostgreSQL see it, beside PgBouncer 1.18 with the
same ini file. client_tls13_ciphers and server_tls13_ciphers came later: they follow the documentation of 1.25.
"""
import contextlib
import re
import subprocess

from certificates import FOR_CLIENTS, Certificates
from pooler import KINDS, Pooler
from support import Server, folder
from test_pool_tls import USERS, at, psql

AES128, AES256 = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"


def agreed(pooler, *words):
    """What openssl s_client and the pooler agree on: protocol, cipher, temporary key; empty where they do not."""
    argv = ["openssl", "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{pooler.port}", *words]
    said = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False).stdout
    cipher = re.search(r"^New, (TLSv[0-9.]+), Cipher is (\S+)$", said, re.MULTILINE)
    key = re.search(r"^Server Temp Key: (.*)$", said, re.MULTILINE)
    return (*cipher.groups(), key.group(1) if key else "") if cipher else ()


def asked(key, value, questions, kinds=KINDS):
    """What is agreed on with a pooler that has this value, by kind, for each of the client's questions."""
    with folder() as home:
        made = Certificates(home)
        for kind in kinds:
            with Pooler(kind, home, {"app": "host=127.0.0.1"}, {**FOR_CLIENTS, key: value}, USERS, made.files()) as pooler:
                yield kind, [agreed(pooler, *words.split()) for words in questions]


def test_client_tls_protocols():
    for value, want in (("tlsv1.2", ["TLSv1.2", None]), ("tlsv1.3", [None, "TLSv1.3"]), ("secure", ["TLSv1.2", "TLSv1.3"]),
                        ("tlsv1.2,tlsv1.3", ["TLSv1.2", "TLSv1.3"]), ("all,!tlsv1.3", ["TLSv1.2", None])):
        for kind, got in asked("client_tls_protocols", value, ("-tls1_2", "-tls1_3")):
            assert [each[0] if each else None for each in got] == want, (kind, value, got)


def test_client_tls_ciphers():
    for kind, got in asked("client_tls_ciphers", AES128, ("-tls1_2", f"-tls1_2 -cipher {AES256}", f"-tls1_2 -cipher {AES256}:{AES128}")):
        assert [each[1] if each else None for each in got] == [AES128, None, AES128], (kind, got)


def test_client_tls13_ciphers():
    questions = ("-tls1_3", "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", "-tls1_2")
    for kind, got in asked("client_tls13_ciphers", "TLS_CHACHA20_POLY1305_SHA256", questions, KINDS[:1]):
        assert [each[1] if each else None for each in got[:2]] == ["TLS_CHACHA20_POLY1305_SHA256", None] and got[2][0] == "TLSv1.2", (kind, got)


def test_client_tls_ecdhcurve():
    questions = ("-tls1_3", "-tls1_2 -cipher ECDHE", "-tls1_2 -cipher ECDHE -curves prime256v1", "-tls1_3 -curves secp384r1:prime256v1")
    for kind, got in asked("client_tls_ecdhcurve", "secp384r1", questions):
        assert [each[2] if each else None for each in got] == ["ECDH, secp384r1, 384 bits"] * 2 + [None, "ECDH, secp384r1, 384 bits"], (kind, got)


def test_client_tls_dheparams():
    for value, want in (("none", None), ("auto", "DH, 2048 bits")):
        for kind, got in asked("client_tls_dheparams", value, ("-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384", f"-tls1_2 -cipher {AES256}")):
            assert (got[0][2] if got[0] else None) == want and got[1][1] == AES256, (kind, value, got)


@contextlib.contextmanager
def secure_server(**settings):
    """A PostgreSQL with TLS, and these of its own settings."""
    with Server(15) as server, folder() as home:
        made = Certificates(home)
        for name, value in settings.items():
            server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
        made.secure(server)
        yield server, home


def seen_by(server, home, settings, kinds=KINDS):
    """Protocol and cipher of a pooler's connection as the server sees them; none where the pooler has none."""
    limits = {"server_tls_sslmode": "require", "query_wait_timeout": 2, "client_login_timeout": 2, "server_login_retry": 1}
    for kind in kinds:
        with Pooler(kind, home, {"app": at(server)}, {**limits, **settings}, USERS) as pooler:
            told = psql(pooler, "disable", "-c", "SELECT 'in', version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()").strip().split("|")
            assert told[0] == "in" or "TLS handshake error" in pooler.log(), (kind, told, pooler.log())
            yield kind, told[1:]


def test_server_tls_protocols():
    with secure_server() as (server, home):
        for value, want in (("tlsv1.2", "TLSv1.2"), ("tlsv1.3", "TLSv1.3"), ("secure", "TLSv1.3")):
            for kind, told in seen_by(server, home, {"server_tls_protocols": value}):
                assert told[:1] == [want], (kind, value, told)
    with secure_server(ssl_min_protocol_version="TLSv1.3") as (server, home):
        for kind, told in seen_by(server, home, {"server_tls_protocols": "tlsv1.2"}):
            assert told == [], (kind, told)


def test_server_tls_ciphers():
    with secure_server(ssl_max_protocol_version="TLSv1.2", ssl_ciphers=f"{AES256}:{AES128}") as (server, home):
        for cipher in (AES128, AES256):
            for kind, told in seen_by(server, home, {"server_tls_ciphers": cipher}):
                assert told == ["TLSv1.2", cipher], (kind, told)
        for kind, told in seen_by(server, home, {"server_tls_ciphers": "ECDHE-RSA-CHACHA20-POLY1305"}):
            assert told == [], (kind, told)


def test_server_tls13_ciphers():
    with secure_server() as (server, home):
        for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
            for kind, told in seen_by(server, home, {"server_tls13_ciphers": cipher}, KINDS[:1]):
                assert told == ["TLSv1.3", cipher], (kind, told)


SLOW = ["test_client_tls_protocols", "test_server_tls_protocols"]
