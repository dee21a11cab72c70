"""Folders of other tools go up and down by `pgkeep migrate` as they are."""
from migrations import shop

USERS = "CREATE TABLE users (id bigint PRIMARY KEY);"
NOTE = "ALTER TABLE users ADD COLUMN note text;"
INDEX = "CREATE INDEX CONCURRENTLY users_note ON users (note);"
UNDO = {"users": "DROP TABLE users;", "note": "ALTER TABLE users DROP COLUMN note;", "index": "DROP INDEX CONCURRENTLY users_note;"}
THREE = [("users", USERS), ("note", NOTE), ("index", INDEX)]
STATE = """SELECT to_regclass('users') IS NOT NULL, to_regclass('users_note') IS NOT NULL,
 EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'note')"""


def put(s, path, text):
    file = s.path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def up_and_down(s, count=3, has_down=True, words=()):
    out = s.migrate("up", *words)
    assert s.psql(STATE) == [["t", "t", "t"]], out.stderr
    assert [row["state"] for row in s.status()["history"]] == ["applied"] * count
    assert "Nothing to do" in s.migrate("up").stderr
    if not has_down:
        refused = s.migrate("down", check=False)
        assert refused.returncode == 2 and "has no way down" in refused.stderr, refused.stderr
        return
    s.migrate("down")
    assert s.psql(STATE) == [["t", "f", "t"]]
    s.migrate("down", "--to", "0")
    assert s.psql(STATE) == [["f", "f", "f"]]
    s.migrate("up", *words)
    assert s.psql(STATE) == [["t", "t", "t"]]


def test_flyway():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"V{number}__{name}.sql", sql)
            put(s, f"U{number}__{name}.sql", UNDO[name])
        up_and_down(s)


def test_flyway_versions_with_dots_and_repeatable():
    with shop() as s:
        for version, (name, sql) in zip(["1", "1.1", "1.10"], THREE):
            put(s, f"V{version}__{name}.sql", sql)
        put(s, "R__Users_view.sql", "CREATE OR REPLACE VIEW users_view AS SELECT id FROM users;")
        s.migrate("up")
        assert [row["version"] for row in s.status()["history"]] == ["1", "1.1", "1.10", ""]
        put(s, "R__Users_view.sql", "CREATE OR REPLACE VIEW users_view AS SELECT id, note FROM users;")
        s.migrate("up")
        assert s.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'users_view'") == "2"


def test_dbmate():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            option = " transaction:false" if name == "index" else ""
            put(s, f"2026010{number}120000_{name}.sql", f"-- migrate:up{option}\n{sql}\n\n-- migrate:down{option}\n{UNDO[name]}\n")
        up_and_down(s)


def test_goose():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            option = "-- +goose NO TRANSACTION\n" if name == "index" else ""
            put(s, f"0000{number}_{name}.sql", f"{option}-- +goose Up\n-- +goose StatementBegin\n{sql}\n-- +goose StatementEnd\n\n"
                                               f"-- +goose Down\n-- +goose StatementBegin\n{UNDO[name]}\n-- +goose StatementEnd\n")
        up_and_down(s)


def test_golang_migrate():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"00000{number}_{name}.up.sql", sql)
            put(s, f"00000{number}_{name}.down.sql", UNDO[name])
        up_and_down(s)


def test_prisma():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"2026010{number}120000_{name}/migration.sql", sql)
        put(s, "migration_lock.toml", 'provider = "postgresql"\n')
        up_and_down(s, has_down=False)


def test_prisma_with_ways_down():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"2026010{number}120000_{name}/migration.sql", sql)
            put(s, f"2026010{number}120000_{name}/down.sql", UNDO[name])
        up_and_down(s)


SQITCH = "%syntax-version=1.0.0\n%project=shop\n%uri=https://example.org/\n\n"


def test_sqitch():
    with shop() as s:
        plan = SQITCH
        for name, sql in THREE:
            needs = "" if name == "users" else " [users]"
            plan += f"{name}{needs} 2026-01-01T10:00:00Z Me <me@example.org> # why\n"
            is_alone = name == "index"
            put(s, f"deploy/{name}.sql", f"-- Deploy shop:{name} to pg\n\n" + (sql if is_alone else f"BEGIN;\n\n{sql}\n\nCOMMIT;\n"))
            put(s, f"revert/{name}.sql", f"-- Revert shop:{name} from pg\n\n" + (UNDO[name] if is_alone else f"BEGIN;\n\n{UNDO[name]}\n\nCOMMIT;\n"))
            put(s, f"verify/{name}.sql", f"-- Verify shop:{name} on pg\n\nBEGIN;\nSELECT 1;\nROLLBACK;\n")
        put(s, "sqitch.plan", plan + "@v1.0 2026-01-02T10:00:00Z Me <me@example.org> # released\n")
        put(s, "sqitch.conf", "[core]\n\tengine = pg\n")
        up_and_down(s)


def test_sqitch_rework():
    # A change that is in the plan twice: the older one's scripts carry the tag that closed it.
    with shop() as s:
        line = "{} 2026-01-01T10:00:00Z Me <me@example.org> # why\n"
        put(s, "sqitch.plan", SQITCH + line.format("total") + "@v1.0 2026-01-02T10:00:00Z Me <me@example.org> # out\n" + line.format("total [total@v1.0]"))
        put(s, "deploy/total@v1.0.sql", "CREATE FUNCTION total() RETURNS integer LANGUAGE sql AS 'SELECT 1';")
        put(s, "deploy/total.sql", "CREATE OR REPLACE FUNCTION total() RETURNS integer LANGUAGE sql AS 'SELECT 2';")
        put(s, "revert/total@v1.0.sql", "DROP FUNCTION total();")
        put(s, "revert/total.sql", "CREATE OR REPLACE FUNCTION total() RETURNS integer LANGUAGE sql AS 'SELECT 1';")
        s.migrate("up")
        assert s.value("SELECT total()") == "2"
        s.migrate("down")
        assert s.value("SELECT total()") == "1"
        s.migrate("down")
        assert s.value("SELECT count(*) FROM pg_proc WHERE proname = 'total'") == "0"


def test_node_pg_migrate():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"170000000000{number}_{name}.sql", f"-- Up Migration\n{sql}\n\n-- Down Migration\n{UNDO[name]}\n")
        # That tool would run CONCURRENTLY in a transaction; pgkeep runs it alone.
        up_and_down(s, words=("--allow", "concurrently-in-transaction"))


def test_node_pg_migrate_with_hyphens():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"170000000000{number}_add-{name}.sql", f"-- Up Migration\n{sql}\n-- Down Migration\n{UNDO[name]}\n")
        # That tool would run CONCURRENTLY in a transaction; pgkeep runs it alone.
        up_and_down(s, words=("--allow", "concurrently-in-transaction"))


def test_rails_and_atlas_sql():
    with shop() as s:
        for number, (name, sql) in enumerate(THREE, 1):
            put(s, f"2026010{number}120000_{name}.sql", sql)
        put(s, "atlas.sum", "h1:x\n")
        up_and_down(s, has_down=False)
