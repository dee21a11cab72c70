"""pgkeep pool: passwords that change while it runs: what logins taught it (keys of SCRAM, what auth_query found, what PAM was told) is no better than
what auth_file says now.
"""
import contextlib

from libpq import Session
from pooler import Pooler
from support import PSQL, Server, folder, run, wait_for
from test_pool_auth import KEEPER, QUERY, pam_service, server_with_lookup
from test_pool_login import try_psql
from test_pool_reload import reload

ADMIN = {"auth_type": "scram-sha-256", "query_wait_timeout": 10}


def new_password(server, user, password):
    """What the server stores of it. Who is connected is thrown out."""
    server.psql(f"SET password_encryption = 'scram-sha-256'; ALTER ROLE {user} PASSWORD '{password}'")
    # Again and again: the pool may have been about to open one more.
    wait_for(lambda: server.psql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{user}'") == [["0"]], "its connections are gone")
    return server.psql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{user}'")[0][0]


def test_a_password_in_auth_file_goes_before_what_was_learned():
    """Where the file had but a verifier, and where the server was asked. PgBouncer 1.18 has the same fault: the old keys go first for ever."""
    for settings, listed in (({}, '"scram" "{}"\n'), (QUERY, "")):
        with server_with_lookup() as (server, at), folder() as home:
            users = KEEPER + listed.format(server.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram'")[0][0])
            with Pooler("ours", home, {"postgres": at}, {**ADMIN, **settings, "server_login_retry": 1}, users) as pooler:
                assert try_psql(pooler, "postgres", "scram", "secret") == "scram@postgres"
                new_password(server, "scram", "another")
                (pooler.home / "users").write_text(KEEPER + '"scram" "another"\n')
                reload(pooler)
                wait_for(lambda: try_psql(pooler, "postgres", "scram", "another") == "scram@postgres", "the new password opens a server", 20)
                assert "authentication failed" in try_psql(pooler, "postgres", "scram", "secret")


def test_a_failure_of_the_old_password_is_not_one_of_the_new():
    """A client that is still there cannot get a server any more; whoever comes with the right password can, at once. In PgBouncer he waits until
    server_login_retry is over."""
    with server_with_lookup() as (server, at), folder() as home:
        verifier = server.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram'")[0][0]
        with Pooler("ours", home, {"postgres": at}, {**ADMIN, "server_login_retry": 600}, f'"scram" "{verifier}"\n') as pooler, \
                contextlib.closing(Session(pooler.uri("postgres", "scram", "&password=secret"))) as former:
            assert former.ask("SELECT 1") == ([["1"]], "")
            (pooler.home / "users").write_text(f'"scram" "{new_password(server, "scram", "another")}"\n')
            reload(pooler)
            wait_for(lambda: "SASL" in try_psql(pooler, "postgres", "scram", "secret"), "the old one is no longer good")
            rows, problem = former.ask("SELECT 1")
            assert not rows and problem, "nothing that is known opens a server"
            assert try_psql(pooler, "postgres", "scram", "another") == "scram@postgres"


def test_what_pam_was_told_is_for_users_without_a_password_in_auth_file():
    """By one line of the HBA file a user is asked for the password of auth_file, by another for PAM's, which the server does not know."""
    with pam_service() as home, Server(15) as server:
        server.psql("CREATE ROLE app LOGIN PASSWORD 'of the server'")
        (server.data / "pg_hba.conf").write_text("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        server.psql("SELECT pg_reload_conf()")
        at = f"host=127.0.0.1 port={server.port}"
        with Pooler("ours", home, {"postgres": at}, {"auth_type": "hba", "auth_hba_file": "HOME/hba", "query_wait_timeout": 10}, '"app" "of the server"\n',
                    files={"hba": "local all all scram-sha-256\nhost all all 127.0.0.1/32 pam\n"}) as pooler:
            def by_socket():
                return run([PSQL, "-X", "-A", "-t", "-h", str(pooler.home), "-p", str(pooler.port), "-U", "app", "-d", "postgres", "-c", "SELECT 1"],
                           check=False, env={"PGPASSWORD": "of the server", "PATH": "/usr/bin:/bin"}, timeout=30).stdout.strip()

            assert by_socket() == "1"
            assert try_psql(pooler, "postgres", "app", "secret of app") == "app@postgres"
            new_password(server, "app", "of the server")
            assert try_psql(pooler, "postgres", "app", "secret of app") == "app@postgres"
            assert by_socket() == "1"
