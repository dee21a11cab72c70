"""pgkeep pool beside PostgreSQL itself: what random clients are answered through a pool that is smaller than they are many is what each was answered
alone by a server of its own, message by message. pool_random_scripts.py says what they do; configurations below, for which settings.

A failure prints a seed and the name of a configuration. PGKEEP_RANDOM_SEED and PGKEEP_RANDOM_CONFIGURATION have long_random begin with that round.
"""
import collections
import contextlib
import os
import random
import select
import struct
import time

from pool_random_scripts import Author
from pool_talk import Talk
from pooler import Client, Console, Pooler, error_fields, memory_kb, must_be_below
from support import Server, folder, wait_for

CLIENTS = 7
PATIENCE_S = 60
MORE_KB_MAX = 40_000  # Than after the first rounds of a pooler: long rows and parameters of all clients at once.
OURS = {"keep_session_settings": 1, "pin_sessions": 1, "share_listen": 1, "retry_serialization_failures": 2}
EVERYWHERE = {"transactions"}
BEYOND = {"transactions", "settings", "pins", "listen"}
# Name: settings, loops, modes of the Author.
CONFIGURATIONS = {
    "plain": ({"default_pool_size": 2}, 1, EVERYWHERE),
    "few statements": ({"default_pool_size": 2, "max_prepared_statements": 2}, 2, EVERYWHERE),
    "one server": ({"default_pool_size": 1, "max_prepared_statements": 3}, 1, EVERYWHERE),
    "ours": ({"default_pool_size": 3, **OURS}, 1, BEYOND),
    "ours, few statements": ({"default_pool_size": 2, "max_prepared_statements": 2, **OURS}, 2, BEYOND),
    "settings": ({"default_pool_size": 1, "keep_session_settings": 1}, 1, {"transactions", "settings"}),
    "session": ({"default_pool_size": 2, "pool_mode": "session"}, 2, BEYOND | {"session"}),
    "statement": ({"default_pool_size": 2, "pool_mode": "statement"}, 2, set()),
}


class Direct:
    """What Client asks a pooler for, of a server."""

    def __init__(self, server):
        self.port = server.port


class Difference(AssertionError):
    """What the pooler said is not what the server said."""


class Player:
    """Says a script through the pooler, and compares."""

    def __init__(self, author, chance):
        self.author, self.chance, self.windows, self.expected = author, chance, author.windows, author.talk.said
        self.at, self.pieces, self.checked, self.talk, self.has_ended, self.heard_at = 0, collections.deque(), 0, None, False, time.monotonic()

    def begin(self, pooler):
        self.talk = Talk(Client(pooler, "app"))
        self.cut()

    def cut(self):
        window = self.windows[self.at]
        ends = [*window.cuts, len(window.data)]
        self.pieces.extend(window.data[first:last] for first, last in zip([0, *ends], ends))

    def advance(self):
        """The next piece, or the next window where the answers to this one are here. Whether anything was left to do at once."""
        if self.pieces:
            self.talk.out += self.pieces.popleft()
            return True
        window = self.windows[self.at]
        if self.checked < window.said:
            return False
        if len(self.talk.heard) < window.heard:  # By another connection, a moment later: UNLISTEN would lose it.
            return False
        if self.talk.parameters != window.parameters:
            raise Difference(f"parameters: {set(self.talk.parameters.items()) ^ set(window.parameters.items())}\n{self.story()}")
        self.at += 1
        self.has_ended = self.at == len(self.windows)
        if not self.has_ended:
            self.cut()
        return not self.has_ended

    def look(self):
        """Compares what came."""
        self.talk.pump()
        said = self.talk.said
        while self.checked < len(said):
            if self.checked >= len(self.expected) or said[self.checked] != self.expected[self.checked]:
                raise Difference(f"answer {self.checked}\n{self.story()}")
            self.checked += 1
            self.heard_at = time.monotonic()
        if self.talk.is_gone:
            raise Difference(f"the connection has ended\n{self.story()}")

    def due(self):
        """What is still to come of this window."""
        window = self.windows[self.at]
        return (f"{window.said - self.checked} messages and {window.heard - len(self.talk.heard)} notifications of window {self.at} to come, "
                f"{len(self.pieces)} pieces to be said; heard {self.talk.heard} of {self.author.talk.heard}")

    def story(self):
        """What this client has said lately, and where the answers part."""
        lines = [f"window {at}: {' | '.join(window.labels)} cut at {window.cuts}" for at, window in enumerate(self.windows[:self.at + 1])]
        for name, messages in (("server", self.expected), ("pooler", self.talk.said)):
            lines += [f"  {name} {number}: {shown(*messages[number])}" for number in range(max(0, self.checked - 3), min(len(messages), self.checked + 4))]
        return "\n".join(lines[-60:])


def shown(kind, content):
    return f"{kind.decode()} {error_fields(content) if kind in b'EN' else content[:80]}"


class Round:
    """So many clients, each with a script, in any order."""

    def __init__(self, server, pooler, modes, seed, windows, sizes):
        self.server, self.pooler, self.modes, self.seed, self.windows, self.size = server, pooler, modes, seed, windows, sizes
        self.chance = random.Random(seed)

    def written(self, number):
        """The script of a client, by a server of its own."""
        with Client(Direct(self.server), "direct") as client:
            author = Author(random.Random(f"{self.seed} {number}"), client, number, self.modes | ({"mixed"} if self.server.major < 18 else set()))
            author.write(self.windows)
            return author

    def play(self):
        waiting = [Player(self.written(number), self.chance) for number in range(CLIENTS)]
        active = []
        try:
            while waiting or active:
                if waiting and (not active or self.chance.random() < 0.05):
                    active.append(waiting.pop())
                    active[-1].begin(self.pooler)
                    active[-1].heard_at = time.monotonic()
                self.step(active)
                for player in [player for player in active if player.has_ended]:
                    self.end(player)
                    active.remove(player)
        finally:
            for player in active:
                player.talk.socket.close()

    def step(self, active):
        is_busy = False
        for player in self.chance.sample(active, len(active)):
            if self.chance.random() < 0.7:
                is_busy = player.advance() or is_busy
        writing = [player.talk.socket for player in active if player.talk.out]
        select.select([player.talk.socket for player in active], writing, [], self.chance.choice((0, 0, 0.001)) if is_busy else 0.01)
        for player in active:
            player.look()
            if time.monotonic() > player.heard_at + PATIENCE_S and not any(other.heard_at > player.heard_at + 1 for other in active):
                raise Difference(f"no answer for {PATIENCE_S} s, {player.due()}\n{player.story()}")

    def end(self, player):
        """What it listened to has come as well, and nothing else. It leaves with a word or without, or in the middle of something."""
        direct, talk = player.author.talk, player.talk
        wait_for(lambda: talk.pump() or len(talk.heard) >= len(direct.heard), f"notifications: {direct.heard}, not {talk.heard}\n{player.story()}", PATIENCE_S)
        if talk.heard != direct.heard or len(talk.said) != len(direct.said):
            raise Difference(f"at the end: {direct.heard}, {talk.heard}, {talk.said[len(direct.said):][:3]}\n{player.story()}")
        talk.socket.setblocking(True)
        leave = self.chance.random()
        with contextlib.suppress(OSError):
            if leave < 0.4:
                talk.socket.sendall(Client.message(b"X"))
            elif leave < 0.5 and "transactions" in self.modes:
                talk.socket.sendall(Client.message(b"Q", f"begin; insert into t{player.author.number} values (0)".encode() + b"\0"))
            elif leave < 0.6:
                talk.socket.sendall(Client.message(b"P", b"s0\0select 1\0\0\0") + Client.message(b"B", b"\0s0\0\0\0\0\0\0\0") + b"E\0\0")
        talk.socket.close()

    def rest(self):
        """Nobody has anything, and nothing is left of anybody."""
        def is_at_rest():
            pools = [row for row in console.rows("SHOW POOLS") if row["database"] == "app"]
            servers = [row for row in console.rows("SHOW SERVERS") if row["database"] == "app"]
            self.seen = pools, servers, [row for row in console.rows("SHOW CLIENTS") if row["database"] == "app"]
            may_be = ("sv_idle", "sv_used")
            busy = [name for row in pools for name, value in row.items() if name.startswith(("cl_", "sv_")) and name not in may_be and value != "0"]
            return not busy and not self.seen[2] and len(servers) <= self.size and not any(row["link"] or row.get("pinned") for row in servers)

        with Console(self.pooler) as console:
            wait_for(is_at_rest, "the pool is at rest", PATIENCE_S)
            held = [name for row in console.rows("SHOW EXTRAS") for name, value in row.items() if name.startswith("cl_") and value != "0"]
            assert not held, held
        wait_for(lambda: self.server.psql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND backend_type = 'client backend' "
                                          "AND state NOT LIKE 'idle'") == [["0"]], "nobody works at the server")
        assert self.server.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [["0"]]


def made(major):
    server = Server(major, {"max_connections": 60, "log_min_messages": "fatal"})
    server.create_database("app")
    tables = "; ".join(f"CREATE TABLE t{n} (x int, y text); CREATE TABLE u{n} (k int PRIMARY KEY); "
                       f"CREATE TABLE d{n} (k int UNIQUE DEFERRABLE INITIALLY DEFERRED)"
                       for n in range(CLIENTS))
    server.psql(f"{tables}; CREATE ROLE r1 LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO r1; "
                "CREATE FUNCTION shout(n int) RETURNS SETOF int LANGUAGE plpgsql AS $$ "
                "BEGIN FOR i IN 1..least(n, 9) LOOP RAISE NOTICE 'no. %', i; RETURN NEXT i; END LOOP; END $$; "
                "CREATE FUNCTION fail(code text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'failed' USING ERRCODE = code; END $$", "app")
    server.create_database("direct", "app")
    return server


def rounds(server, name, seeds, windows):
    """One pooler; how many windows were compared."""
    settings, loops, modes = CONFIGURATIONS[name]
    size = settings["default_pool_size"]
    address = f"host={server.home} port={server.port} dbname=app"
    windows_played, first_kb = 0, None
    with folder() as home, Pooler("ours", home, {"app": address}, {"admin_users": "postgres", "query_wait_timeout": 0, "query_wait_notify": 0, **settings},
                                  '"postgres" ""\n', loops=loops) as pooler:
        for number, seed in enumerate(seeds):
            game = Round(server, pooler, modes, f"{seed} {name}", windows, size)
            try:
                game.play()
                game.rest()
            except AssertionError as problem:
                raise AssertionError(f"PGKEEP_RANDOM_SEED={seed} PGKEEP_RANDOM_CONFIGURATION={name!r} on {server.major}\n{problem}\n"
                                     f"{getattr(game, 'seen', '')}\n{pooler.log()[-2000:]}") from problem
            windows_played += CLIENTS * windows
            if number == 2:
                first_kb = memory_kb(pooler.pid())
            if first_kb:
                must_be_below(first_kb + MORE_KB_MAX, memory_kb(pooler.pid()))
    return windows_played


def test_random_on_15():
    with made(15) as server:
        for name in ("plain", "ours", "statement", "session"):
            rounds(server, name, range(1, 3), 25)


def test_random_on_18():
    with made(18) as server:
        for name in ("few statements", "one server", "ours, few statements", "settings"):
            rounds(server, name, range(1, 3), 25)


def long_random():
    """PGKEEP_RANDOM_SECONDS, and where a round of before is wanted again PGKEEP_RANDOM_SEED and PGKEEP_RANDOM_CONFIGURATION."""
    seed = int(os.environ.get("PGKEEP_RANDOM_SEED", random.SystemRandom().randrange(1 << 31)))
    first = os.environ.get("PGKEEP_RANDOM_CONFIGURATION", "plain")
    names = list(CONFIGURATIONS)
    names = names[names.index(first):] + names[:names.index(first)]
    print(f"random: PGKEEP_RANDOM_SEED={seed}", flush=True)
    end, turn, played = time.monotonic() + float(os.environ.get("PGKEEP_RANDOM_SECONDS", "600")), 0, collections.Counter()
    with made(15) as old, made(18) as new:
        while time.monotonic() < end:
            name = names[turn % len(names)]
            major = (old, new)[(turn // len(names) + turn) % 2]
            played[name] += rounds(major, name, range(seed, seed + 6), 60)
            seed += 6 * (turn % len(names) == len(names) - 1)
            turn += 1
    print(f"random: {sum(played.values())} windows of clients, {dict(played)}", flush=True)


SLOW = ["test_random_on_15", "test_random_on_18"]
