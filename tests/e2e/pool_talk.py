"""Messages of the protocol with what they are called, and a connection that neither waits nor blocks: for test_pool_random.py."""
import re
import select
import socket
import struct

from pooler import Client

message = Client.message


def zero(text):
    return text.encode() + b"\0"


def query(sql):
    return f"Q {sql}", message(b"Q", zero(sql))


def parse(name, sql, types=()):
    return f"P {name!r} {sql}", message(b"P", zero(name) + zero(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(portal, name, values=(), result_format=None):
    body = b"".join(struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values)
    end = struct.pack("!H", 0) if result_format is None else struct.pack("!HH", 1, result_format)
    shown = [value if value is None or len(value) < 20 else f"{len(value)} bytes" for value in values]
    return f"B {portal!r} {name!r} {shown} {result_format}", message(b"B", zero(portal) + zero(name) + struct.pack("!HH", 0, len(values)) + body + end)


def describe(kind, name):
    return f"D {kind} {name!r}", message(b"D", zero(kind + name))


def close(kind, name):
    return f"C {kind} {name!r}", message(b"C", zero(kind + name))


def execute(portal, rows=0):
    return f"E {portal!r} {rows}", message(b"E", zero(portal) + struct.pack("!I", rows))


def call(oid, value):
    return f"F {oid}", message(b"F", struct.pack("!IHHHI", oid, 1, 0, 1, len(value)) + value + struct.pack("!H", 0))


SYNC, FLUSH = ("S", message(b"S")), ("H", message(b"H"))
COPY_DONE, COPY_FAIL = ("c", message(b"c")), ("f", message(b"f", b"no more\0"))


def copy_data(data):
    return f"d {data[:20]!r}", message(b"d", data)


def normal(kind, content):
    """What may differ does not: names of prepared statements that stand in errors, and oids of tables that were made meanwhile."""
    if kind in b"EN":
        return kind, re.sub(rb'prepared statement "[^"]*"', b"prepared statement ?", content)
    if kind == b"T":
        at, columns = 2, []
        for _ in range(struct.unpack("!H", content[:2])[0]):
            end = content.index(b"\0", at) + 1
            columns.append(content[at:end] + content[end + 4:end + 18])
            at = end + 18
        return kind, b"".join(columns)
    return kind, content


class Talk:
    """A connection that neither waits for the other side when it sends nor when it reads."""

    def __init__(self, client):
        self.socket, self.parameters = client.socket, dict(client.parameters)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.out, self.buffer, self.is_gone = b"", bytearray(), False
        self.said, self.heard = [], []  # Messages, normalised; notifications.

    def pump(self):
        """Whatever can be sent and read at once."""
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass
        except OSError:
            self.out = b""
        try:
            while got := self.socket.recv(1 << 18):
                self.buffer += got
            self.is_gone = True
        except BlockingIOError:
            pass
        except OSError:
            self.is_gone = True
        self.take()

    def take(self):
        at = 0
        while len(self.buffer) >= at + 5:
            end = at + 1 + struct.unpack_from("!I", self.buffer, at + 1)[0]
            if len(self.buffer) < end:
                break
            kind, content = bytes(self.buffer[at:at + 1]), bytes(self.buffer[at + 5:end])
            at = end
            if kind == b"S":
                name, value = content.decode("latin1").split("\0")[:2]
                self.parameters[name] = value
            elif kind == b"A":
                self.heard.append(content[4:])
            else:
                self.said.append(normal(kind, content))
        del self.buffer[:at]

    def wait(self, limit_s):
        """Whether there was anything to do."""
        ready = select.select([self.socket], [self.socket] if self.out else [], [], limit_s)
        self.pump()
        return ready[0] or ready[1]
