"""What a person at a terminal sees: 80 columns, a progress bar, colour; and none of that in a pipe."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import unicodedata

from support import PGKEEP, Server, pgkeep

HOSTILE = '''CREATE TABLE "a
newline and \x1b[31mcolour; <script>alert(1)</script> with a name that is very long indeed" (x int);
CREATE TABLE children (parent_id int); CREATE TABLE "数据库表" (id int PRIMARY KEY, "цена" real);'''


def on_terminal(argv, columns, env=None):
    """Output of a program whose stdout and stderr are a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env={**clean, "TERM": "xterm-256color", **(env or {})})
    os.close(slave)
    output = b""
    while True:
        ready, _, _ = select.select([master], [], [], 60)
        if not ready:
            process.kill()
            raise AssertionError("no output for a minute")
        try:
            chunk = os.read(master, 65536)
        except OSError:  # The other end is closed.
            break
        if not chunk:
            break
        output += chunk
    os.close(master)
    process.wait()
    return output.decode()


def columns_of(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def visible_lines(text):
    """Lines as they stay on the screen: what a carriage return and erase-line overwrote is gone."""
    for line in text.replace("\r\n", "\n").split("\n"):
        yield re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line.split("\x1b[K")[-1].split("\r")[-1])


def test_terminal_and_pipe():
    with Server(15) as server:
        server.psql(HOSTILE)
        argv = [str(PGKEEP), "audit", server.uri(), "--fail-on", "never"]
        shown = on_terminal(argv, 80)
        assert "█" in shown and "\r\x1b[K" in shown, "no progress bar on a terminal"
        assert re.search(r"\x1b\[[0-9;]*m", shown), "no colour on a terminal"
        for columns in (80, 50, 120):
            wide = [line for line in visible_lines(on_terminal(argv, columns)) if columns_of(line) > columns]
            assert not wide, (columns, wide)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            assert not re.search(r"\x1b\[[0-9;]*m", on_terminal(argv, 80, env)), env
        piped = pgkeep(*argv[1:])
        assert "\x1b" not in piped.stdout + piped.stderr and "█" not in piped.stderr, "escapes in a pipe"
        assert not [line for line in piped.stdout.splitlines() if columns_of(line) > 80]
        assert "newline" in piped.stdout and "[31mcolour" in piped.stdout, "the hostile name is shown, harmless"
