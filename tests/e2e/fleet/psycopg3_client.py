"""psycopg 3 through a pooler: python3 psycopg3_client.py URI MODE. Every part asserts what it gets; the last line is "ok".

In statement mode all is done with autocommit, and what needs a transaction block is refused.

Debian's psycopg 3.1 cannot close a prepared statement by the protocol, so no part prepares more than its cache holds.
"""
import asyncio
import contextlib
import sys

import psycopg
from psycopg.rows import dict_row

URI, MODE = sys.argv[1:3]
ROWS = 2000


def statements():
    """One statement at a time, as statement mode wants it."""
    with psycopg.connect(URI, autocommit=True) as connection:
        for i in range(20):
            assert connection.execute("SELECT %s::int + 1", [i], prepare=False).fetchone() == (i + 1,)
        assert connection.execute("SELECT %b::int8", [41], prepare=False, binary=True).fetchone() == (41,)
        try:
            connection.execute("SELECT 1/0")
            raise AssertionError("no error")
        except psycopg.errors.DivisionByZero:
            pass
        assert connection.execute("SELECT 'still here'").fetchone() == ("still here",)


def copy():
    with psycopg.connect(URI, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS psycopg_copy")
        cursor.execute("CREATE TABLE psycopg_copy (id int, word text)")
        with cursor.copy("COPY psycopg_copy FROM STDIN") as into:
            for i in range(ROWS):
                into.write_row((i, f"word {i}"))
        with cursor.copy("COPY psycopg_copy TO STDOUT (FORMAT BINARY)") as out:
            out.set_types(["int4", "text"])
            assert sum(row[0] for row in out.rows()) == sum(range(ROWS))
        try:
            with cursor.copy("COPY psycopg_copy FROM STDIN") as into:
                into.write_row((1, "left"))
                raise ZeroDivisionError
        except psycopg.errors.QueryCanceled as problem:
            assert "from Python: ZeroDivisionError" in str(problem), problem
        assert cursor.execute("SELECT count(*) FROM psycopg_copy").fetchone() == (ROWS,)


def prepared():
    """By name from the first time on, and by itself after prepare_threshold."""
    with psycopg.connect(URI, prepare_threshold=2, row_factory=dict_row, autocommit=MODE == "statement") as connection:
        for i in range(30):
            assert connection.execute("SELECT %s::text AS word", [f"w{i}"]).fetchone() == {"word": f"w{i}"}
            assert connection.execute("SELECT %s::int AS n", [i], prepare=True).fetchone() == {"n": i}
            connection.commit()


def pipelines():
    with psycopg.connect(URI, autocommit=True) as connection:
        for turn in range(10):
            with connection.pipeline() as pipeline:
                cursors = [connection.execute("SELECT %s::int * 2", [i]) for i in range(30)]
                if turn % 3 == 0:
                    pipeline.sync()
                more = [connection.execute("SELECT %s::text", [str(i)], prepare=True) for i in range(10)]
            assert [cursor.fetchone() for cursor in cursors] == [(2 * i,) for i in range(30)]
            assert [cursor.fetchone() for cursor in more] == [(str(i),) for i in range(10)]
        # What follows an error in a pipeline is passed over; the connection goes on.
        try:
            with connection.pipeline():
                connection.execute("SELECT 1/0")
                connection.execute("SELECT 1")
            raise AssertionError("no error")
        except psycopg.errors.DivisionByZero:
            pass
        assert connection.execute("SELECT 7").fetchone() == (7,)


def notices():
    with psycopg.connect(URI, autocommit=True) as connection:
        heard = []
        connection.add_notice_handler(lambda diagnostic: heard.append(diagnostic.message_primary))
        connection.execute("DO $$ BEGIN RAISE NOTICE 'hear, hear'; END $$")
        assert heard == ["hear, hear"], heard


def no_blocks():
    for autocommit in (False, True):
        with psycopg.connect(URI, autocommit=autocommit) as connection:
            try:
                with connection.transaction():
                    connection.execute("SELECT 1")
                raise AssertionError("no error")
            except psycopg.OperationalError as problem:
                assert "transaction blocks not allowed in statement pooling mode" in str(problem), problem
            assert connection.closed


def cursors():
    with psycopg.connect(URI) as connection:
        with connection.cursor(name="stroll") as cursor:
            cursor.execute("SELECT * FROM generate_series(1, 5000)")
            assert [row[0] for row in cursor.fetchmany(10)] == list(range(1, 11))
            cursor.scroll(90)
            assert cursor.fetchone() == (101,)
        with connection.transaction(), connection.transaction() as inner:
            connection.execute("SELECT 1")
            raise psycopg.Rollback(inner)
        connection.commit()


def session_state():
    """What only a session keeps."""
    with psycopg.connect(URI, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 12345")
        connection.execute("CREATE TEMP TABLE mine (n int)")
        for _ in range(5):
            assert connection.execute("SHOW statement_timeout").fetchone() == ("12345ms",)
            connection.execute("INSERT INTO mine VALUES (1)")
        connection.execute("NOTIFY news, 'today'")


def listens():
    with psycopg.connect(URI, autocommit=True) as connection, psycopg.connect(URI, autocommit=True) as other:
        connection.execute("LISTEN news")
        other.execute("NOTIFY news, 'today'")
        for notification in connection.notifies():
            assert (notification.channel, notification.payload) == ("news", "today")
            break


async def many(number):
    async with await psycopg.AsyncConnection.connect(URI, autocommit=True) as connection:
        for turn in range(5):
            async with contextlib.nullcontext() if MODE == "statement" else connection.transaction():
                answer = await (await connection.execute("SELECT %s::text", [f"{number}/{turn}"])).fetchone()
            assert answer == (f"{number}/{turn}",), answer


async def at_once():
    await asyncio.gather(*(many(number) for number in range(16)))


for part in (statements, copy, prepared, pipelines, notices, no_blocks if MODE == "statement" else cursors):
    part()
if MODE == "session":
    session_state()
if MODE == "session" or "listens" in sys.argv:
    listens()
if MODE != "session":  # More clients than servers.
    asyncio.run(at_once())
print("ok")
