"""`pgkeep lint` as its users call it: files, folders, standard input, formats, exit codes, a database."""
import json

from support import Server, folder, pgkeep, run, PGKEEP

DANGER = "-- Orders get a note.\nALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT gen_random_uuid()::text;\n"


def lint(*words, check=False, **options):
    return pgkeep("lint", *words, check=check, **options)


def rules_of(result):
    return {f["rule"] for f in json.loads(result.stdout)["findings"]}


def test_files_folders_and_standard_input():
    with folder() as home:
        (home / "migrations").mkdir()
        first = home / "migrations/V001__orders.sql"
        first.write_text("-- Orders.\nCREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);\n")
        second = home / "migrations/V002__note.sql"
        second.write_text(DANGER)
        alone = lint(second, "--format", "json")
        assert alone.returncode == 1 and "add-column-volatile-default" in rules_of(alone), alone.stdout + alone.stderr
        together = lint(home / "migrations", "--format", "json")
        assert "add-column-volatile-default" not in rules_of(together), "the table is new in these files"
        with open(second, encoding="utf-8") as text:
            piped = run([PGKEEP, "lint", "-", "--format", "json"], check=False, stdin=text)
        found = [f for f in json.loads(piped.stdout)["findings"] if f["rule"] == "add-column-volatile-default"]
        assert [(f["file"], f["line"]) for f in found] == [("<stdin>", 2)], found
        nothing = lint(home / "nowhere.sql")
        assert nothing.returncode == 4 and "nowhere.sql" in nothing.stderr, nothing.stderr
        assert lint().returncode == 2 and lint(second, "--only", "no-such-rule").returncode == 2
        assert lint(second, "--pg-version", "9").returncode == 2


def test_formats_and_thresholds():
    with folder() as home:
        path = home / "V001__x.sql"
        path.write_text(DANGER)
        assert f"file={path},line=2" in lint(path, "--format", "github").stdout
        assert json.loads(lint(path, "--format", "sarif").stdout)["runs"][0]["results"]
        assert "<testsuite" in lint(path, "--format", "junit").stdout
        assert lint(path, "--fail-on", "never").returncode == 0
        baseline = home / "baseline.json"
        lint(path, "--fail-on", "never", "--write-baseline", baseline)
        assert lint(path, "--baseline", baseline).returncode == 0, "known findings do not fail"


def test_a_database_says_what_is_large():
    with Server(15) as server, folder() as home:
        server.psql("CREATE TABLE orders (id bigint PRIMARY KEY); ANALYZE orders")
        path = home / "V001__x.sql"
        path.write_text(DANGER)
        empty = lint(path, "--database", server.uri(), "--format", "json")
        assert "add-column-volatile-default" not in rules_of(empty), "an empty table is no danger"
        server.psql("INSERT INTO orders SELECT i FROM generate_series(1, 50000) AS i; ANALYZE orders")
        full = lint(path, "--database", server.uri(), "--format", "json")
        found = [f for f in json.loads(full.stdout)["findings"] if f["rule"] == "add-column-volatile-default"]
        assert found and "50,000" in found[0]["message"], full.stdout


def test_the_server_is_asked_about_syntax():
    newer = "-- Merge with a result.\nMERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE RETURNING t.a;\nSELEC 1;\nDROP TABLE t;\n"
    with folder() as home, Server(18) as server:
        server.psql("CREATE TABLE t (a int); CREATE TABLE s (a int)")
        path = home / "q.sql"
        path.write_text(newer)
        result = json.loads(lint(path, "--database", server.uri(), "--format", "json").stdout)
        assert [(f["rule"], f["line"]) for f in result["findings"] if "syntax" in f["rule"]] == [("syntax-error", 3), ("unknown-syntax", 2)], result
        assert server.psql("SELECT count(*) FROM t") == [["0"]], "nothing was run"
        alone = json.loads(lint(path, "--format", "json").stdout)
        assert [f["line"] for f in alone["findings"] if f["rule"] == "syntax-error"] == [2, 3]


def test_ignored_with_a_reason():
    with folder() as home:
        path = home / "V001__x.sql"
        path.write_text(DANGER.replace("ALTER", "-- pgkeep:ignore add-column-volatile-default: the table is frozen\nALTER"))
        result = lint(path, "--format", "json")
        assert "add-column-volatile-default" not in rules_of(result)
        assert [a["reason"] for a in json.loads(result.stdout)["set_aside"]] == ["the table is frozen"]


def test_every_rule_is_explained():
    listed = json.loads(pgkeep("lint", "--list", "--format", "json").stdout)["rules"]
    assert len(listed) > 100, len(listed)
    for rule in listed[::10]:
        text = pgkeep("lint", "--explain", rule["id"]).stdout
        assert rule["title"] in text, text


GUIDES = [
    # (SQL, rules that must be said with "line:column rule", rules that must not)
    ("CREATE TABLE users (id uuid PRIMARY KEY, created_at timestampz NOT NULL DEFAULT now());", ["1:53 unknown-type"], []),
    ("CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE,\n"
     " status text NOT NULL CHECK (status IN ('active', 'off')), created_at timestamptz NOT NULL DEFAULT now());", [], ["*"]),
    ("CREATE TABLE users (id uuid PRIMARY KEY);\n"
     "CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id bigint NOT NULL REFERENCES users(id) ON DELETE CASCADE);",
     ["2:99 foreign-key-type-mismatch", "2:99 foreign-key-without-index"], []),
    ("CREATE TABLE users (id uuid PRIMARY KEY);\nSELECT users.name FROM users;", ["2:8 unknown-column"], []),
    ("UPDATE a SET balance = ...;", ["1:24 syntax-error"], []),
    ("UPDATE questions SET votes = votes + 1 WHERE id = $1;", [], ["*"]),
    ("CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, created_at timestamptz);\n"
     "CREATE INDEX a ON posts (author_id);\nCREATE INDEX b ON posts (author_id, created_at);", ["2:1 redundant-index"], []),
    ("BEGIN;\nSELECT count(*) FROM jobs WHERE status = 'stale';\nDELETE FROM jobs WHERE status = 'stale';\n-- COMMIT", ["1:1 transaction-unfinished"], []),
    ("CREATE INDEX CONCURRENTLY ON orders (user_id, created_at DESC);", [], ["concurrently-in-transaction", "create-index-not-concurrent"]),
    ("BEGIN;\nCREATE INDEX CONCURRENTLY a ON orders (user_id);\nCOMMIT;", ["2:14 concurrently-in-transaction"], []),
    ("INSERT INTO users VALUES (1, 'x');", ["insert-without-columns"], []),
    ("CREATE ROLE app LOGIN PASSWORD 'not-redacted-9';", ["secrets-in-code"], []),
    ("ALTER TABLE users ADD COLUMN last_login timestamp;", ["lock-timeout-missing", "timestamp-without-zone"], ["add-column-volatile-default"]),
    ("SELECT * FROM orders WHERE user_id = 12345 AND created_at > '2023-01-01';", ["1:8 select-star"], []),
    ("SELECT * FROM pg_stat_all_indexes WHERE indexrelname LIKE '%user_id%';", [], ["*"]),
]


def test_statements_of_the_guides():
    with folder() as home:
        path = home / "statement.sql"
        for sql, wanted, unwanted in GUIDES:
            path.write_text(sql)
            found = json.loads(lint(path, "--format", "json", "--fail-on", "never").stdout)["findings"]
            said = {f["rule"] for f in found} | {f"{f['line']}:{f['column']} {f['rule']}" for f in found}
            assert set(wanted) <= said, (sql, wanted, sorted(said))
            loud = {f["rule"] for f in found if f["severity"] != "info"}
            assert not (loud if "*" in unwanted else loud & set(unwanted)), (sql, sorted(loud))
        path.write_text(GUIDES[0][0])
        assert "did you mean timestamptz" in lint(path).stdout
