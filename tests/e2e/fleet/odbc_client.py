"""psqlODBC (by pyodbc) through a pooler: python3 odbc_client.py URI MODE. With its default settings it prepares every statement by the protocol under
a name that it uses again for the next one, and lets go of it by SQL (DEALLOCATE). The last line is "ok".
"""
import pathlib
import sys
import threading
import urllib.parse

import pyodbc

AT, MODE = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
DRIVER = next(pathlib.Path("/usr/lib").glob("*/odbc/psqlodbcw.so"))
BASE = f"Driver={DRIVER};Server={AT.hostname};Port={AT.port};Database={AT.path[1:]};Uid={AT.username};SSLmode=disable;"
pyodbc.pooling = False


def connect(options):
    return pyodbc.connect(BASE + options, autocommit=MODE == "statement")


def many(options, number, wrong):
    with connect(options) as connection:
        for turn in range(10):
            got = connection.execute("SELECT CAST(? AS int) + 1", 100 * number + turn).fetchone()[0]
            if got != 100 * number + turn + 1:
                wrong.append((number, turn, got))
            connection.commit()
    wrong.append(None)


def work(options):
    connection = connect(options)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS odbc")
    cursor.execute("CREATE TABLE odbc (id int PRIMARY KEY, word varchar(50))")
    connection.commit()
    for i in range(20):
        cursor.execute("INSERT INTO odbc VALUES (?, ?)", i, f"word {i}")
        assert cursor.execute("SELECT word FROM odbc WHERE id = ?", i).fetchone()[0] == f"word {i}"
    connection.commit()
    cursor.executemany("INSERT INTO odbc VALUES (?, ?)", [(100 + i, "more") for i in range(50)])
    connection.commit()
    try:
        cursor.execute("INSERT INTO odbc VALUES (?, ?)", 1, "twice")
        raise AssertionError("no error")
    except pyodbc.IntegrityError as problem:
        assert problem.args[0] == "23505", problem
    assert cursor.execute("SELECT 7").fetchone()[0] == 7  # A savepoint of the driver's own in front of each statement.
    connection.rollback()
    cursor.execute("SELECT id FROM odbc ORDER BY id")
    assert [row[0] for row in cursor.fetchmany(3)] == [0, 1, 2] and len(cursor.fetchall()) == 67
    assert [row.column_name for row in cursor.columns(table="odbc")] == ["id", "word"]
    connection.commit()
    connection.close()
    wrong = []
    threads = [threading.Thread(target=many, args=(options, number, wrong)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [None] * len(threads), wrong


work("")
if MODE != "statement":  # Cursors of the server live in a transaction.
    work("UseDeclareFetch=1;Fetch=7;")
print("ok")
