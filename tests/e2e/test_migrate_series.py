"""The shop's history (demo/migrations): up, down and up again; two runners; kill -9 at any moment and on.

Equal means: no difference of Snapshots, and the same sum over the rows of every table.
"""
import json
import os
import random
import signal
import subprocess
import time

from support import PGKEEP, TOP, Server, pgkeep

MIGRATIONS = TOP / "demo/migrations"
REPEATABLE = ["functions", "order_overview", "customer_totals"]
SLOW = ["test_kills_are_of_no_consequence", "test_up_down_up_on_15", "test_up_down_up_on_18", "test_two_runners",
        "test_each_file_by_itself"]

TABLES = """SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'm') ORDER BY 1"""
# When a row was touched is the one thing that two runs need not agree on.
SUM = """SELECT '{0}', count(*), coalesce(sum(hashtextextended((to_jsonb(t) - 'updated_at' - 'changed_at')::text, 0)::numeric), 0) FROM {0} t"""


def make(server, database, scale=1):
    server.create_database(database)
    server.psql(f"ALTER DATABASE {database} SET shop.sample_scale = {scale}")
    return server.uri(database)


def migrate(uri, *words, check=True):
    return pgkeep("migrate", words[0], *words[1:], "--dir", MIGRATIONS, uri, check=check)


def start(uri):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    argv = [str(PGKEEP), "migrate", "up", "--format", "json", "--dir", str(MIGRATIONS), uri]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean)


def sums(server, database):
    tables = [row[0] for row in server.psql(TABLES, database)]
    return server.psql(" UNION ALL ".join(SUM.format(table) for table in tables) + " ORDER BY 1", database) if tables else []


def difference(a, b):
    result = pgkeep("snapshot", "diff", str(a), str(b), check=False)
    assert result.returncode in (0, 1), result.stderr
    return "" if result.returncode == 0 else result.stdout


def versioned():
    return sorted(path.name.split("__")[0][1:] for path in MIGRATIONS.glob("V*.sql") if not path.name.endswith(".down.sql"))


def check_up_down_up(major):
    with Server(major) as server:
        uri = make(server, "shop")
        nothing = make(server, "nothing")
        migrate(uri, "up")
        first = sums(server, "shop")
        assert len(first) >= 20 and sum(int(row[1]) for row in first) > 20_000, first
        saved = server.home.with_suffix(".snapshot.json")
        try:
            saved.write_text(pgkeep("snapshot", "save", uri).stdout)
            again = migrate(uri, "up")
            assert "Nothing to do" in again.stderr, again.stderr
            migrate(uri, "down", "--to", "0")
            found = difference(nothing, uri)
            assert found == "", found
            left = json.loads(migrate(uri, "status", "--format", "json").stdout)["history"]
            assert left == [], left  # What R__ files made went down as well: they run again.
            migrate(uri, "up")
            assert difference(saved, uri) == ""
            assert sums(server, "shop") == first
        finally:
            saved.unlink(missing_ok=True)


def test_up_down_up_on_15():
    check_up_down_up(15)


def test_up_down_up_on_18():
    check_up_down_up(18)


def test_the_series_is_what_it_should_be():
    versions = versioned()
    assert len(versions) >= 42 and len(set(versions)) == len(versions), versions
    for version in versions:
        assert len(list(MIGRATIONS.glob(f"V{version}__*.down.sql"))) == 1, version
    assert sorted(path.stem[3:] for path in MIGRATIONS.glob("R__*.sql")) == sorted(REPEATABLE)
    lint = json.loads(pgkeep("lint", "--format", "json", str(MIGRATIONS), check=False).stdout)
    errors = [finding for finding in lint["findings"] if finding["severity"] == "error"]
    assert not errors, errors


def test_each_file_by_itself():
    # On tables that have rows by then: what is no danger to a database without tables may be one to this.
    with Server(15) as server:
        uri = make(server, "shop", 3)
        for version in versioned():
            server.psql("ANALYZE", "shop")
            migrate(uri, "up", "--to", version)
        migrate(uri, "up")
        calm = make(server, "calm", 3)
        migrate(calm, "up")
        assert difference(calm, uri) == "" and sums(server, "calm") == sums(server, "shop")


def test_two_runners():
    with Server(15) as server:
        calm = make(server, "calm")
        migrate(calm, "up")
        uri = make(server, "shop")
        runners = [start(uri), start(uri)]
        for runner in runners:
            _, err = runner.communicate(timeout=300)
            assert runner.returncode == 0, err
        assert difference(calm, uri) == "" and sums(server, "calm") == sums(server, "shop")
        rows = server.psql("SELECT count(*), count(DISTINCT (kind, key)) FROM pgkeep.schema_migrations WHERE state = 'applied'", "shop")
        assert rows == [[str(len(versioned()) + len(REPEATABLE))] * 2], rows


def kill_at_step(runner, migration, step, delay_s):
    """Lets it run into a step and a little further. False: it was at its end before."""
    for line in runner.stdout:
        event = json.loads(line)
        if event["event"] == "step" and event["migration"] == migration and event["step"] == step:
            break
    return kill_at(runner, delay_s)


def kill_at(runner, after_s):
    try:
        runner.wait(timeout=after_s)
        return False
    except subprocess.TimeoutExpired:
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        return True


def check_kills(major, moments, scale):
    seed = int(os.environ.get("PGKEEP_SEED", random.randrange(1 << 30)))
    dice = random.Random(seed)
    killed = 0
    where = {}
    with Server(major) as server:
        calm = make(server, "calm", scale)
        began = time.monotonic()
        runner = start(calm)
        out, err = runner.communicate(timeout=300)
        whole_s = time.monotonic() - began
        assert runner.returncode == 0, err
        events = [json.loads(line) for line in out.splitlines()]
        # Half of the moments are spread over the time; the others aim at what is short or in pieces.
        aims = [(e["migration"], e["step"]) for e in events if e["event"] == "step" and e["figures"]["kind"] in ("alone", "batch")]
        assert len(aims) >= 12, aims
        want = sums(server, "calm")
        for number in range(moments):
            name = f"k{number}"
            told = f"seed {seed}, server {major}, moment {number}"
            uri = make(server, name, scale)
            is_killed = False
            for tries in range(4):
                begun = time.monotonic()
                runner = start(uri)
                if number % 2 == 0:
                    is_killed = kill_at(runner, whole_s * (number + dice.random()) / moments / (1 + tries))
                else:
                    migration, step = aims[(number // 2 * 7 + dice.randrange(3)) % len(aims)]
                    is_killed = kill_at_step(runner, migration, step, dice.choice([0, 0.002, 0.01, 0.05]))
                runner.communicate()
                if is_killed:
                    break
                # It was faster than the calm run: once more, from the beginning.
                whole_s = min(whole_s, time.monotonic() - begun)
                server.psql(f"DROP DATABASE {name} WITH (FORCE)")
                uri = make(server, name, scale)
            killed += is_killed
            state = server.psql("SELECT state FROM pgkeep.schema_migration_steps WHERE state = 'running'", name, check=False)
            where["in a step"] = where.get("in a step", 0) + bool(state)
            if dice.random() < 0.3:
                runner = start(uri)
                kill_at(runner, dice.random() * whole_s)
                runner.communicate()
            again = migrate(uri, "up", check=False)
            assert again.returncode == 0, (told, again.stdout, again.stderr)
            found = difference(calm, uri)
            assert found == "", (told, found)
            assert sums(server, name) == want, told
            server.psql(f"DROP DATABASE {name} WITH (FORCE)")
    print(f"kill -9 on {major}: seed {seed}, {killed} of {moments} kills, {where}, a run takes {whole_s:.1f} s", flush=True)
    assert killed >= moments * 0.9, (seed, killed)


def test_kills_are_of_no_consequence():
    check_kills(15, 10, 1)


def long_kills_on_15():
    check_kills(15, 100, 2)


def long_kills_on_18():
    check_kills(18, 100, 2)
