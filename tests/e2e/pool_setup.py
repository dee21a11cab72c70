"""What the tests of keys of ours share: a server with a pooler in front of it, and what their clients see."""
import struct

from pooler import Client, Console, Pooler
from support import Server, folder
from test_pool_queries import address

USERS = '"postgres" ""\n'
DESCRIBE_PORTAL = Client.message(b"D", b"P\0")


def rows_in(messages):
    return [content[6:6 + struct.unpack("!i", content[2:6])[0]].decode() for kind, content in messages if kind == b"D"]


class Setup:
    """A server and a pooler in front of it."""

    def __init__(self, settings, server_settings=None, users=("postgres",), major=15, database="", **options):
        """database: more of its entry."""
        self.users = users
        self.settings = {"default_pool_size": 2, "admin_users": "postgres", **settings}
        self.server_settings = server_settings
        self.major = major
        self.database = database
        self.options = options

    def __enter__(self):
        self.server = Server(self.major, self.server_settings)
        self.folder = folder()
        home = self.folder.__enter__()
        for user in self.users:
            if user != "postgres":
                self.server.psql(f"CREATE ROLE {user} LOGIN")
        users = "".join(f'"{user}" ""\n' for user in self.users)
        self.pooler = Pooler("ours", home, {"app": f"{address(self.server)} {self.database}"}, self.settings, users, **self.options)
        return self

    def __exit__(self, *_):
        try:
            self.pooler.close()
        finally:
            self.server.close()
            self.folder.__exit__(None, None, None)

    def client(self, user="postgres", **options):
        return Client(self.pooler, "app", user, **options)

    def backends(self, condition="true"):
        """As whom there are connections to the server."""
        rows = self.server.psql(f"SELECT usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND {condition} ORDER BY 1")
        return [user for user, in rows]

    def ears(self):
        return self.backends("query ~ '^(UN)?LISTEN'")

    def extras(self, user="postgres"):
        """What SHOW EXTRAS counts, without what is 0."""
        with Console(self.pooler) as console:
            row = console.row("SHOW EXTRAS", database="app", user=user)
            return {name: int(value) for name, value in row.items() if name not in ("database", "user") and value != "0"}

    def pins(self):
        """Of each client: what keeps it."""
        with Console(self.pooler) as console:
            return sorted(row["pinned"] for row in console.rows("SHOW CLIENTS") if row["database"] == "app")


def both_servers(one, other):
    """Makes the pool open its second server: they take turns from then on."""
    one.query("BEGIN")
    other.query("SELECT 1")
    one.query("COMMIT")


def pid_of(client):
    return client.values("SELECT pg_backend_pid()::text")[0]


def is_alone_with_its_server(one, other):
    """Whether the one's server is never given to the other."""
    mine = pid_of(one)
    return all(pid_of(other) != mine and pid_of(one) == mine for _ in range(4))


def notified(client, count):
    """So many notifications, as "channel payload"."""
    heard = []
    while len(heard) < count:
        kind, content = client.read()
        if kind == b"A":
            heard.append(" ".join(part.decode() for part in content[4:].split(b"\0")[:2]))
    return heard


WHO = "SELECT session_user || ' as ' || current_user"


def are(one, who, other, who_else, after):
    for client, wanted in ((one, who), (other, who_else), (other, who_else)) * 2:  # By turns, each on both servers.
        assert client.values(WHO) == [wanted], after
