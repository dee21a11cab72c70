"""asyncpg through a pooler: python3 asyncpg_client.py URI MODE. It names every statement and says its parameters in binary. The last line is "ok"."""
import asyncio
import contextlib
import sys

import asyncpg

URI, MODE = sys.argv[1].split("?")[0], sys.argv[2]


async def work(pool, number):
    for turn in range(10):
        async with pool.acquire() as connection, contextlib.nullcontext() if MODE == "statement" else connection.transaction():
            answer = await connection.fetchrow("SELECT $1::int AS number, $2::text AS word, $3::timestamptz IS NULL AS nothing", number, f"t{turn}", None)
            assert dict(answer) == {"number": number, "word": f"t{turn}", "nothing": True}, answer


async def main():
    # In statement mode nothing may be said in a transaction block, and a named statement is looked after by the pooler as well.
    connection = await asyncpg.connect(URI, ssl=False)
    assert await connection.fetchval("SELECT $1::int + 1", 41) == 42
    await connection.execute("DROP TABLE IF EXISTS asyncpg_copy; CREATE TABLE asyncpg_copy (id int, word text)")
    records = [(i, f"word {i}") for i in range(3000)]
    await connection.copy_records_to_table("asyncpg_copy", records=records)
    assert await connection.fetchval("SELECT count(*) FROM asyncpg_copy") == 3000
    parts = []

    async def collect(part):
        parts.append(part)

    await connection.copy_from_query("SELECT word FROM asyncpg_copy ORDER BY id", output=collect, format="csv")
    assert b"".join(parts).decode().splitlines() == [word for _, word in records]
    await connection.executemany("INSERT INTO asyncpg_copy VALUES ($1, $2)", [(-i, "more") for i in range(1, 51)])
    try:
        await connection.fetch("SELECT 1/$1::int", 0)
        raise AssertionError("no error")
    except asyncpg.DivisionByZeroError:
        pass
    if MODE != "statement":
        async with connection.transaction():
            seen = [record[0] async for record in connection.cursor("SELECT id FROM asyncpg_copy WHERE id >= 0 ORDER BY id", prefetch=100)]
        assert seen == list(range(3000))
    async with asyncpg.create_pool(URI, ssl=False, min_size=8, max_size=8) as pool:
        await asyncio.gather(*(work(pool, number) for number in range(8)))
    if MODE == "statement":
        refused = await asyncpg.connect(URI, ssl=False)
        try:
            async with refused.transaction():
                await refused.fetch("SELECT 1")
            raise AssertionError("no error")
        except asyncpg.ConnectionDoesNotExistError:  # It does not hand on the text of a FATAL error.
            assert refused.is_closed()
    if MODE == "session" or "listens" in sys.argv:
        heard = asyncio.get_running_loop().create_future()
        await connection.add_listener("news", lambda _connection, _pid, channel, payload: heard.set_result((channel, payload)))
        await connection.execute("NOTIFY news, 'today'")
        assert await asyncio.wait_for(heard, 20) == ("news", "today")
    try:
        await asyncio.wait_for(connection.execute("SELECT pg_sleep(600)"), 0.3)  # Which sends a cancel request.
        raise AssertionError("not cancelled")
    except asyncio.TimeoutError:
        pass
    assert await connection.fetchval("SELECT 7") == 7
    await connection.close()


asyncio.run(main())
print("ok")
