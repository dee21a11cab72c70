"""Random clients, for test_pool_random.py: an Author says whatever comes to its mind to a server of its own, sees what it answers, and so writes a
script: windows of messages, each with how much was answered before the next one was said. It keeps to what docs/pool.md promises to be the same
through the pooler; where it does not go, and why, stands beside the rule that keeps it from there.
"""
import dataclasses

from pool_talk import COPY_DONE, COPY_FAIL, FLUSH, SYNC, Talk, bind, call, close, copy_data, describe, execute, parse, query

EXTENDED = ("select 1 as a", "select 1 as a", "select $1::int + 1", "select 'a' || $1::text", "select 10 / $1::int", "selct", "select no_such from tN", "",
            "select x, y from tN order by x, y", "insert into tN values ($1::int, $2) returning x", "insert into uN values ($1::int)",
            "insert into dN values (1)", "update tN set y = $1", "delete from tN", "select g, repeat('r', 50) from generate_series(1, $1::int * 3) g",
            "copy (select 7) to stdout", "select g from generate_series(1, 300) g", "select repeat('big', 100000)", "select shout($1::int)",
            "do $$ begin raise notice 'done'; end $$", "show DateStyle", "values (1), (2), (3)", "select length($1::text)",
            "select '2020-01-02'::date, 'c'")
IN_TRANSACTIONS = ("begin", "begin", "commit", "rollback", "savepoint a", "rollback to a", "release a",
                   "declare c cursor for select generate_series(1, 5)", "fetch 2 from c", "close c", "set local work_mem = '5MB'", "show work_mem",
                   "begin isolation level serializable", "commit and chain", "create temp table gone (z int) on commit drop", "select z from gone",
                   "insert into dN values (1)", "lock table tN", "alter table uN add if not exists more int", "truncate tN",
                   "select pg_advisory_xact_lock(N)")
SIMPLE = ("select 1", "select 1; select 2", "select 1/0", "", ";", " -- nothing", "selct", "select 1; select 1/0; select 3",
          "insert into tN values (1, 'one'), (2, null)", "insert into dN values (1), (1)", "copy (select g from generate_series(1, 3) g) to stdout",
          "copy tN to stdout", "copy (select 1/0) to stdout", "copy (select 1 / (50 - g) from generate_series(1, 100) g) to stdout",
          "select 2; deallocate all", "delete from tN; select 1/0", "explain (costs off) select 1", "select repeat('x', 300000)",
          "select g, repeat('y', 200) from generate_series(1, 2000) g", "select shout(3); select 4", "set local work_mem = '5MB'",
          "do $$ begin raise warning 'twice'; raise notice 'w'; end $$", "select 1/g from generate_series(-3, 3) g", "select fail('40001')",
          "select fail('40P01')", "insert into tN values (3, repeat('long', 2000)); table tN", "vacuum uN",
          "select now() is null; select count(*) from tN", "select 'é', E'\\xc3'")
BLOCKS = ("begin; select 1", "begin; select 1/0", "select 1; begin; select 2; commit; select 3", "begin; insert into tN values (9); commit; select 1/0",
          "insert into tN values (8, 'e'); commit", "rollback; select 5", "begin; savepoint a; select 1/0; rollback to a", "commit; begin", "savepoint b")
COPIES = ("copy tN from stdin", "copy tN (x) from stdin", "copy uN (k) from stdin", "copy none from stdin", "copy dN from stdin",
          "copy tN from stdin where x < 2")
TRACKED = ("set datestyle = 'german'", "set datestyle = 'iso, dmy'", "set timezone = 'Europe/Berlin'", "set time zone 3", "set names 'latin1'",
           "set application_name = 'a b''c'", "set client_encoding = 'utf8'", "set standard_conforming_strings = off",
           "set standard_conforming_strings = on", "set timezone = 'nowhere'")
KEPT = ("set work_mem = '9MB'", "set search_path = 'A b', public", "reset search_path", "set statement_timeout = '1h'", "set app.x = 'mine'",
        "reset app.x", "set role r1", "reset role", "set session authorization r1", "reset session authorization", "reset all",
        "set intervalstyle = 'iso_8601'", "select set_config('app.y', 'q', false)", "select set_config('work_mem', '6MB', true)",
        "set bytea_output = 'escape'", "set datestyle to default", "set enable_seqscan = off", "set local app.x = 'local'")
HELD = ("select pg_advisory_lock(N)", "select pg_advisory_unlock(N)", "select pg_advisory_unlock_all()", "create temp table held (z int)",
        "insert into held values (1)", "select z from held", "drop table held", "prepare p as select 7", "execute p", "deallocate p",
        "declare h cursor with hold for select generate_series(1, 9)", "fetch 3 from h", "close h", "discard temp")
ASK = ("select current_setting('work_mem'), current_setting('search_path'), current_setting('statement_timeout'), "
       "coalesce(current_setting('app.x', true), ''), coalesce(current_setting('app.y', true), ''), current_user, session_user, "
       "current_setting('bytea_output'), current_setting('enable_seqscan')")
ASK_TRACKED = ("select current_setting('DateStyle'), current_setting('TimeZone'), current_setting('client_encoding'), "
               "current_setting('application_name'), '2020-03-04'::date")


@dataclasses.dataclass
class Window:
    """What is said without waiting, and how much was answered in all before the next one."""
    labels: list
    data: bytes
    cuts: list  # Places at which it comes in pieces.
    said: int = 0
    heard: int = 0  # Notifications.
    parameters: dict = dataclasses.field(default_factory=dict)


class Author:
    """modes: of transactions (all but statement mode), settings, pins, listen: what belongs to its session may last; session: all may; mixed: see there."""

    def __init__(self, chance, client, number, modes):
        self.chance, self.talk, self.number, self.modes, self.windows = chance, Talk(client), number, modes, []
        self.items, self.names, self.status = [], ("", "", "s0", "s1", "s2", "s3"), b"I"
        self.touched, self.segment, self.parsed = set(), set(), set()
        self.unnamed, self.may_have_failed, self.texts = "none", False, {}
        self.is_mixed = False

    # What is said, and what came back.

    def say(self, *items):
        self.items += items

    def hear(self, is_enough):
        """Says the window and waits: is_enough is asked about the kinds of what came since."""
        data, first = b"".join(item[1] for item in self.items), len(self.talk.said)
        cuts = sorted(self.chance.randrange(len(data)) for _ in range(self.chance.choice((0, 0, 0, 1, 2, 5, 20)))) if data else []
        window = Window([item[0] for item in self.items], data, cuts)
        self.talk.out += data
        kinds = b""
        while not is_enough(kinds):
            assert not self.talk.is_gone, ("the server has gone", window.labels, self.talk.said[first:])
            assert self.talk.wait(60), ("no answer", window.labels, self.talk.said[first:], [each.labels for each in self.windows[-3:]])
            kinds = b"".join(kind for kind, _ in self.talk.said[first:])
        window.said, window.heard, window.parameters = len(self.talk.said), len(self.talk.heard), dict(self.talk.parameters)
        self.windows.append(window)
        self.items = []
        self.status = next((content for kind, content in reversed(self.talk.said) if kind == b"Z"), b"I")
        self.touched, self.segment, self.parsed = set(), set(), set()
        self.may_have_failed = self.status == b"E"
        return kinds

    def ready(self, count=1):
        return self.hear(lambda kinds: kinds.count(b"Z") >= count)

    # Names. Nobody but the server knows whether a batch before failed that nobody has waited for: a name that it made or closed is left alone until then.
    # In a transaction that has failed no server can be told of a statement, and one that has it needs no Parse: names are left alone there, too.

    def end_segment(self):
        self.touched |= self.segment
        self.segment = set()
        self.unnamed = "none"
        self.may_have_failed = self.may_have_failed or self.status != b"I" or any(self.may_begin(item[0]) for item in self.items)

    def may_begin(self, label):
        return "begin" in label or label.startswith("B ") and any("begin" in text for text in self.texts.get(label.split("'")[3], ()))

    def may_use(self, name):
        if "session" in self.modes:
            return True
        return name not in self.touched and not self.may_have_failed if name else self.unnamed in ("now", "kept")

    def name(self):
        return self.chance.choice([name for name in self.names if self.may_use(name)] or ["nobody"])

    def text(self):
        texts = EXTENDED if "transactions" not in self.modes or self.chance.random() < 0.75 else IN_TRANSACTIONS
        return self.chance.choice(texts).replace("N", str(self.number))

    def values(self, text="$1 $2"):
        if self.chance.random() < 0.15:
            return self.chance.choice(([], [b"1", b"1"], [b"x"], [b"0"], [None]))
        few = (b"1", b"2", b"5", b"0", None)
        return [self.chance.choice(few) if self.chance.random() < 0.95 else b"9" * self.chance.choice((9, 9000, 200_000)) for _ in range(text.count("$"))]

    # Parts of the extended protocol.

    def a_parse(self, name=None, text=None):
        name = self.chance.choice(self.names) if name is None else name
        if name and "session" not in self.modes and (name in self.touched or name in self.parsed or self.may_have_failed):
            name = ""
        text = self.text() if text is None else text
        if name:
            self.segment.add(name)
            self.parsed.add(name)
            self.texts.setdefault(name, set()).add(text)
        else:
            self.unnamed = "now"
        self.say(parse(name, text, (23,) if self.chance.random() < 0.1 and "$1::int" in text else ()))
        return name, text

    def a_close(self, name):
        self.segment.add(name)
        self.parsed.discard(name)
        if not name:
            self.unnamed = "none"
        self.say(close("S", name))

    def usual(self):
        name, text = self.a_parse() if self.chance.random() < 0.6 else (self.name(), self.text())
        if self.chance.random() < 0.3:
            self.say(describe("S", name))
        self.say(bind("", name, self.values(text), self.chance.choice((None, None, 0, 1) if "int" in text else (None,))))
        if self.chance.random() < 0.4:
            self.say(describe("P", ""))
        self.say(execute("", self.chance.choice((0, 0, 0, 1, 2))))
        while self.chance.random() < 0.2:
            self.say(execute("", self.chance.choice((0, 2))))

    def anything(self):
        for _ in range(self.chance.randrange(1, 7)):
            deed = self.chance.randrange(10)
            # What a failed COPY left under the name of the unnamed portal crashes PostgreSQL 15 itself when it is executed.
            portal = self.chance.choice(("", "", "p1")) if not self.may_have_failed else "p1"
            if deed < 2:
                self.a_parse()
            elif deed < 4:
                self.say(bind(portal, self.name(), self.values()))
            elif deed < 5:
                self.say(describe("S", self.name()) if self.chance.random() < 0.6 else describe("P", portal))
            elif deed < 7:
                self.say(execute(portal, self.chance.choice((0, 0, 1))))
            elif deed < 8:
                if self.chance.random() < 0.6 and (name := self.name()):
                    self.a_close(name)
                else:
                    self.say(close("P", portal))
            elif deed < 9:
                self.say(FLUSH)
            elif self.chance.random() < 0.2:
                self.say(self.chance.choice((copy_data(b"5\n"), COPY_DONE, COPY_FAIL)))  # Outside of COPY they count for nothing.

    def a_segment(self):
        for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
            (self.usual if self.chance.random() < 0.6 else self.anything)()

    # Windows.

    def pipeline(self):
        count = self.chance.choice((1, 1, 1, 2, 3, 5))
        for left in range(count, 0, -1):
            kind = self.chance.random()
            if kind < 0.75:
                self.a_segment()
                self.say(SYNC)
                self.end_segment()
            elif kind < 0.95:
                self.say(query(self.sql(may_forget=left == 1)))
                self.end_segment()
            else:
                self.say(call(1317 if self.chance.random() < 0.7 else 99999, b"abc"))
                self.end_segment()
        self.ready(count)

    def unnamed_in_two_windows(self):
        """A text that is parsed, and bound in later batches. Who bound it at once keeps no text for a second time (docs/pool.md)."""
        self.a_parse("", self.chance.choice(("select 'kept ' || $1::text", "select $1::int + 40")))
        if self.chance.random() < 0.5:
            self.say(describe("S", ""))
        self.say(SYNC)
        if b"E" not in self.ready():
            self.unnamed = "kept"
            for _ in range(self.chance.randrange(1, 4)):
                self.say(bind("", "", [b"1"]), execute(""), SYNC)
                self.ready()
        self.unnamed = "none"

    def flushed(self):
        """Waits behind a Flush, in the middle of a batch."""
        self.usual()
        count = sum(item[0][0] in "PBDEC" for item in self.items)
        self.say(FLUSH)
        self.hear(lambda kinds: sum(kinds.count(kind) for kind in (b"1", b"2", b"3", b"T", b"n", b"C", b"s", b"I")) >= count or b"E" in kinds)
        if self.chance.random() < 0.5:
            self.say(execute("", 0))
        self.say(SYNC)
        self.end_segment()
        self.ready()

    def sql(self, may_forget=True):
        texts = SIMPLE + (BLOCKS + IN_TRANSACTIONS if "transactions" in self.modes else ())
        sql = self.chance.choice(texts).replace("N", str(self.number))
        return sql if may_forget or "deallocate" not in sql else "select 'nothing forgotten'"

    def simple(self):
        self.say(query(self.sql()))
        self.unnamed = "none"
        self.ready()

    def copy_rows(self):
        for _ in range(self.chance.randrange(4)):
            self.say(copy_data(self.chance.choice((b"1\n", b"2\n3\n", b"4", b"x\n", b"\n", b"7\ta\n", b"1\t" + b"l" * 70_000 + b"\n"))))
        self.say(self.chance.choice((COPY_DONE, COPY_DONE, COPY_DONE, COPY_FAIL)))

    def copy(self):
        """By Query, in strings of several statements as well: the data are sent when they are asked for."""
        sql = self.chance.choice(COPIES).replace("N", str(self.number))
        sql = self.chance.choice((sql, sql, f"select 1; {sql}; select 2", f"{sql}; {sql}", f"begin; {sql}; commit" if "transactions" in self.modes else sql))
        self.say(query(sql))
        self.unnamed = "none"
        while b"Z" not in self.hear(lambda kinds: b"G" in kinds or b"Z" in kinds):
            self.copy_rows()

    def copy_extended(self):
        """With the data behind the answer, as libpq and JDBC send them, or at once. Whether the first Sync is answered depends on how far COPY came:
        what is waited for then is the answer to an empty query."""
        name, _ = self.a_parse(self.chance.choice(("", "s9")) if "s9" not in self.touched else "", self.chance.choice(COPIES).replace("N", str(self.number)))
        self.say(bind("", name), execute(""))
        if self.chance.random() < 0.5:
            self.say(SYNC)
            if b"Z" not in self.hear(lambda kinds: b"G" in kinds or b"Z" in kinds):
                self.copy_rows()
                self.say(SYNC)
                self.ready()
        else:
            if self.chance.random() < 0.3:  # Nobody can know how many answers come: as with mixed().
                self.say(SYNC)
                self.is_mixed = True
            self.copy_rows()
            self.say(SYNC)
            self.hear(lambda kinds: b"Z" in kinds)
        self.settle()
        if name:
            self.say(close("S", name), SYNC)
            self.ready()
        self.unnamed = "none"

    def settle(self):
        self.say(query(""))
        self.hear(lambda kinds: kinds.endswith(b"IZ"))
        self.unnamed = "none"

    def mixed(self):
        """A Query in a batch without a Sync: it is answered, or passed over. Who does so keeps its server, and LISTEN is not taken from it any more.
        PostgreSQL 18 itself answers XX000 to what comes behind that."""
        self.is_mixed = True
        self.usual()
        self.say(query("select 'in between'"), SYNC)
        self.ready()
        self.settle()

    def forget(self):
        """DISCARD ALL and DEALLOCATE ALL; what is prepared behind them in one write is new."""
        sql = self.chance.choice(("deallocate all", "discard all", "DISCARD ALL;", "deallocate all", "discard plans"))
        if self.chance.random() < 0.5 or self.status != b"I":
            self.say(query(sql))
            self.unnamed = "none"
            self.ready()
        elif self.chance.random() < 0.5:
            self.say(query(sql))
            self.unnamed = "none"
            self.a_parse("s1")
            self.say(bind("", "s1", [b"1"]), execute(""), SYNC)
            self.ready(2)
        else:
            self.a_parse("s8", sql)
            self.say(bind("", "s8"), execute(""), close("S", "s8"), SYNC)
            self.ready()

    def settings(self):
        """What is told of the session; a SET is waited for, and nothing stands behind it in one write (docs/pool.md)."""
        for _ in range(self.chance.randrange(1, 3)):
            self.say(query(self.chance.choice(TRACKED + (KEPT * 2 if "settings" in self.modes else ()))))
            self.ready()
        self.say(query(self.chance.choice((ASK_TRACKED, ASK) if "settings" in self.modes else (ASK_TRACKED,))))
        self.unnamed = "none"
        self.ready()

    def held(self):
        for _ in range(self.chance.randrange(1, 4)):
            self.say(query(self.chance.choice(HELD).replace("N", str(self.number))))
            self.ready()
        self.unnamed = "none"

    def listen(self):
        """Alone and outside of transactions. What is heard is compared at the end: it comes by another connection."""
        if self.status == b"I" and not self.is_mixed:
            self.say(query(self.chance.choice((f"listen c{self.number}", f"unlisten c{self.number}", "unlisten *"))))
            self.ready()
        self.say(query(f"notify c{self.number}, 'no. {len(self.windows)}'"))
        self.unnamed = "none"
        self.ready()

    def write(self, windows):
        """The windows of a whole life."""
        self.say(query(f"truncate t{self.number}, u{self.number}, d{self.number}"))
        self.ready()
        deeds = [self.pipeline] * 8 + [self.simple] * 4 + [self.flushed, self.copy, self.copy, self.copy_extended, self.copy_extended, self.forget,
                                                           self.unnamed_in_two_windows, self.settings]
        deeds += [self.mixed] * ("mixed" in self.modes)
        deeds += [self.held] * 2 * ("pins" in self.modes) + [self.settings] * 2 * ("settings" in self.modes) + [self.listen] * ("listen" in self.modes)
        while len(self.windows) < windows:
            self.chance.choice(deeds)()
        if self.status != b"I":
            self.say(query("rollback"))
            self.ready()
        self.say(query("select 'the end'"))
        self.ready()
        return self.windows
