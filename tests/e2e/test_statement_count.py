"""How an audit burdens the server: as many statements for a small schema as for a large one, in one transaction, waiting for nobody."""
import contextlib
import json
import os
import re
import subprocess
import sys

from support import TOP, Server, audit, pgkeep, wait_for

sys.path.insert(0, str(TOP / "bench"))
import big_catalog  # noqa: E402

SLOW = ["test_statements_are_as_many_for_300_tables"]
LINE = re.compile(r"^PGK\|(?P<application>[^|]*)\|(?P<process>\d*)\|(?P<transaction>[^|]*)\| (?P<level>[A-Z0-9]+):  (?P<text>.*)$")
LOGGED = {"log_statement": "all", "log_line_prefix": "PGK|%a|%p|%v| ", "log_min_messages": "warning", "logging_collector": "off",
          "lc_messages": "C"}
# What may stand around the transaction, or sets its savepoints.
FRAME = re.compile(r"^(BEGIN|COMMIT|SAVEPOINT|RELEASE|SET |SELECT pg_catalog\.pg_backend_pid\(\) OPERATOR)")


def statements_of(server, begin):
    """(process, virtual transaction, text) of each statement that an audit sent since that place in the log, as the server counts them."""
    text = (server.home / "log").read_text()[begin:]
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        if not match or not match["application"].startswith("pgkeep/"):
            continue
        assert match["level"] not in ("ERROR", "FATAL"), line
        body = re.match(r"(?:statement|execute [^:]*): ?(.*)$", match["text"])
        if match["level"] == "LOG" and body:
            found.append((match["process"], match["transaction"], body[1]))
    return found


def count_parts(statements):
    """Several statements of one message are one line in the log."""
    return sum(len([part for part in text.split(";") if part.strip()]) for _, _, text in statements)


def audited_statements(server):
    begin = len((server.home / "log").read_text())
    audit(server.uri())
    return statements_of(server, begin)


def names_of(statements):
    return [match[1] for _, _, text in statements if (match := re.search(r"/\* pgkeep: (.*?) \*/", text))]


def check_one_transaction(statements):
    processes = {process for process, _, _ in statements}
    assert len(processes) == 1, processes
    reading = {transaction for _, transaction, text in statements if not FRAME.match(text)}
    assert len(reading) == 1, f"read in several transactions: {reading}"
    texts = [text for _, _, text in statements]
    begins = [i for i, text in enumerate(texts) if text.startswith("BEGIN")]
    ends = [i for i, text in enumerate(texts) if text.startswith("COMMIT")]
    assert len(begins) == 1 and len(ends) == 1, texts
    assert "REPEATABLE READ READ ONLY" in texts[begins[0]], texts[begins[0]]
    outside = texts[:begins[0]] + texts[ends[0] + 1:]
    assert all(FRAME.match(text) for text in outside), outside


def compare(small, large):
    with Server(15, {**big_catalog.SETTINGS, **LOGGED}) as few, Server(15, {**big_catalog.SETTINGS, **LOGGED}) as many:
        big_catalog.build(few, small)
        big_catalog.build(many, large)
        assert big_catalog.size(many)[0] == large
        of_few, of_many = audited_statements(few), audited_statements(many)
        for statements in (of_few, of_many):
            assert len(names_of(statements)) > 30, f"only {len(names_of(statements))} readers in the log: {statements}"
            check_one_transaction(statements)
        assert names_of(of_few) == names_of(of_many)
        assert len(of_few) == len(of_many) and count_parts(of_few[:1]) == count_parts(of_many[:1]), (len(of_few), len(of_many))


def test_statements_are_as_many_for_300_tables():
    compare(10, 300)


def long_statements_are_as_many_for_10000_tables():
    compare(10, 10_000)


@contextlib.contextmanager
def holding(server, sql):
    """A session that has run this in a transaction and leaves it open."""
    environment = {**os.environ, "PGAPPNAME": "holder"}
    with subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.uri()], stdin=subprocess.PIPE, text=True,
                          env=environment) as session:
        session.stdin.write(f"BEGIN; {sql};\n")
        session.stdin.flush()
        try:
            yield
        finally:
            session.stdin.close()
            session.wait(60)


def of_tables(report):
    return {(f["rule"], f["object"]) for f in report["findings"] if "area_" in f["object"]}


def test_a_locked_table_stops_nothing():
    names = ["area_0.item_40", "area_1.item_1", "area_6.item_6"]  # Parent of a foreign key; with a check; without a sequence.
    with Server(15, {**big_catalog.SETTINGS, **LOGGED}) as server:
        big_catalog.build(server, 80)
        free = audit(server.uri())
        with holding(server, f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE"):
            wait_for(lambda: len(server.psql("SELECT relation FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")) >= len(names),
                     "the locks")
            result = pgkeep("audit", server.uri(), "--format", "json", "--fail-on", "never", check=False)
            assert result.returncode == 0, result.stderr
            locked = json.loads(result.stdout)
        assert all(one["reason"] for one in locked["skipped"])
        newly = {one["rule"] for one in locked["skipped"]} - {one["rule"] for one in free["skipped"]}
        assert len(newly) <= 3, f"three locked tables made these blind: {newly}"
        # Every finding on another table is there; and a table that could not be looked at is no reason for a new one.
        touched = re.compile("|".join(rf"\b{re.escape(name)}(?![0-9])" for name in names))
        missing = {one for one in of_tables(free) - of_tables(locked) if not touched.search(one[1])}
        assert not missing, missing
        assert len(of_tables(locked)) > 100 and not of_tables(locked) - of_tables(free), of_tables(locked) - of_tables(free)
        assert any(name in note for note in locked["notes"] for name in names) or newly, "nobody is told what was not looked at"


def test_ddl_that_waits_is_not_made_to_wait_longer():
    """DDL that renames a sequence and alters a table is under way: no reader of ours stands in its queue."""
    with Server(15, {**big_catalog.SETTINGS, **LOGGED}) as server:
        big_catalog.build(server, 10)
        with holding(server, "ALTER SEQUENCE area_1.item_1_id_seq RENAME TO other; ALTER TABLE area_2.item_2 ADD COLUMN x int"):
            wait_for(lambda: server.psql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'area_2.item_2'::regclass"),
                     "the lock")
            result = pgkeep("audit", server.uri(), "--format", "json", "--fail-on", "never", check=False)
        assert result.returncode == 0, result.stderr
        log = (server.home / "log").read_text()
        assert "canceling statement due to lock timeout" not in log and "deadlock detected" not in log, log[-2000:]
