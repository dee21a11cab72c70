"""A well-made database of the demo's size: no error and no warning, as superuser and as a role that may only read."""
import json

from support import TOP, audit, bin_of, folder, free_port, not_of_the_machine, of_severity, pgkeep, run, short

SQL = TOP / "tests/e2e/sql/well_made.sql"
SLOW = ["test_15", "test_16", "test_17", "test_18"]


def check(major, scale):
    """On a server that `pgkeep up` made, so that its configuration is as good as the schema."""
    with folder("pgkwell-") as home:
        directory = home / "stack"
        pgkeep("up", "--dir", directory, "--port", free_port(), "--pg-bin", bin_of(major))
        try:
            state = json.loads(pgkeep("status", "--dir", directory, "--format", "json").stdout)
            admin = f"postgresql:///{{}}?host={state['socket_directory']}&port={state['port']}&user=postgres"
            run(["psql", "-X", "-q", "-d", admin.format("postgres"), "-c", "CREATE DATABASE shop"])
            # In the well-made server every role needs a password; the reader comes in by the map that administration uses.
            run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"scale={scale}", "-o", "/dev/null", "-d", admin.format("shop"), "-f", SQL], timeout=600)
            superuser = audit(admin.format("shop"), "--no-replicas")
            bad = not_of_the_machine(of_severity(superuser, "error", "warning"))
            assert not bad, short(bad)
            assert len(superuser["passed"]) > 100, superuser["summary"]
            hba = f"{state['data']}/pg_hba.conf"
            with open(hba, encoding="utf-8") as kept:
                rules = kept.read()
            with open(hba, "w", encoding="utf-8") as changed:
                changed.write("local shop wm_readonly trust\n" + rules)
            run(["psql", "-X", "-q", "-d", admin.format("shop"), "-c", "SELECT pg_reload_conf()"])
            reader = audit(admin.format("shop").replace("user=postgres", "user=wm_readonly"), "--no-replicas")
            bad = not_of_the_machine(of_severity(reader, "error", "warning"))
            assert not bad, short(bad)
            assert reader["skipped"] and len(reader["passed"]) > 60, reader["summary"]
        finally:
            pgkeep("down", "--dir", directory, check=False)


def test_15():
    check(15, 1)


def test_16():
    check(16, 0.1)


def test_17():
    check(17, 0.1)


def test_18():
    check(18, 0.1)
