"""pgkeep pool and files with mistakes in them: auth_file, the HBA file, the ident map and the ini file, at a start and at SIGHUP. What PgBouncer starts
with ours starts with; what is passed over is told with its place, by the log and by pool check.
"""
import json

from pooler import Console, Pooler
from support import Server, folder, pgkeep, wait_for
from test_pool_reload import KINDS, at, reload, told_at_login

USERS = '"u1" ""\n"u2" ""\n"u3" ""\n'
NO_RULE = ("no authentication method is found", "login rejected")  # Since 1.23, and before.


def told(pooler, user):
    return told_at_login(pooler, "app", user)


def make_users(server):
    server.psql("CREATE ROLE u1 LOGIN; CREATE ROLE u2 LOGIN; CREATE ROLE u3 LOGIN")


def of_hba(text, **files):
    """Settings and files of a pooler that asks an HBA file with this text."""
    return {"auth_type": "hba", "auth_hba_file": "HOME/hba"}, {"hba": text, **files}


def problems(pooler):
    """What pool check says of the pooler's files."""
    checked = pgkeep("pool", "check", "--offline", "--format", "json", pooler.home / "pool.ini", check=False)
    found = [(each["severity"], each["text"].replace(f"{pooler.home}/", "")) for each in json.loads(checked.stdout)["problems"]]
    assert checked.returncode == (1 if found else 0), checked
    return found


def test_lines_of_the_hba_file_that_are_not_understood():
    """They are passed over with a warning, the others count; a file that is missing lets nobody in."""
    text = "local all all md5 extra\nhost all all samenet md5\nhost all +group 127.0.0.1/32 md5\nhost all u1 127.0.0.1/32 trust\n"
    with Server(15) as server, folder() as home:
        make_users(server)
        for kind in KINDS:
            settings, files = of_hba(text)
            with Pooler(kind, home, {"app": at(server)}, settings, USERS, files) as pooler:
                assert told(pooler, "u1") == "" and told(pooler, "u2") in NO_RULE, kind
                for line in (1, 2, 3):
                    assert f"could not parse hba config line {line}" in pooler.log(), (kind, pooler.log())
                hba = pooler.home / "hba"
                hba.write_text("nonsense\nhost all u2 127.0.0.1/32 trust\nhost all u3 127.0.0.1/32 reject\n")
                reload(pooler)
                wait_for(lambda: told(pooler, "u2") == "", f"{kind} has read the file again")
                assert told(pooler, "u1") in NO_RULE and told(pooler, "u3") == "login rejected", kind
                if kind == "ours":
                    assert "hba:1: could not parse hba config line 1: unknown type" in pooler.log(), pooler.log()
                    assert told(pooler, "u1") == NO_RULE[0]
                    assert problems(pooler) == [("warning", "hba:1: could not parse hba config line 1: unknown type")]
                hba.unlink()
                reload(pooler)
                wait_for(lambda: told(pooler, "u2") in NO_RULE, f"{kind} lets nobody in")
            settings["auth_hba_file"] = "HOME/none"
            with Pooler(kind, home, {"app": at(server)}, settings, USERS) as pooler:
                assert told(pooler, "u1") in NO_RULE, kind
                if kind == "ours":
                    want = "could not open hba config file none: no such file or directory"
                    assert want.replace("none", f"{pooler.home}/none") in pooler.log() and problems(pooler) == [("error", want)], pooler.log()


def test_addresses_of_the_hba_file():
    """One of IPv6 is for no client of IPv4, and one with bits behind its mask for none at all: that is told."""
    families = ["::/0", ":: ::", "::/64"]
    behind = ["127.0.0.5/8", "127.0.0.5 255.0.0.0"]
    text = "".join(f"host all u1 {address} trust\n" for address in [*families, *behind]) + "host all u2 127.0.0.0 255.0.0.0 trust\n"
    with Server(15) as server, folder() as home:
        make_users(server)
        for kind in KINDS:
            settings, files = of_hba(text)
            with Pooler(kind, home, {"app": at(server)}, settings, USERS, files) as pooler:
                assert told(pooler, "u1") in NO_RULE and told(pooler, "u2") == "", kind
                said = [line for line in pooler.log().splitlines() if "address does not match mask" in line]
                assert len(said) == len(behind) and all(line.endswith(": 127.0.0.5 / 255.0.0.0") for line in said), (kind, said)
                if kind == "ours":
                    words = "could not parse hba config line {0}: address does not match mask: 127.0.0.5 / 255.0.0.0"
                    assert problems(pooler) == [("warning", f"hba:{line}: {words.format(line)}") for line in (4, 5)]


def test_lines_of_the_ident_file_that_are_not_understood():
    """1.18 has no ident file: this follows 1.23 and later. A rule that names a map which is not there is passed over."""
    text = "local all u1 peer map=sound\nlocal all u2 peer map=none\nhost all u3 127.0.0.1/32 trust\n"
    with Server(15) as server, folder() as home:
        make_users(server)
        settings, files = of_hba(text, ident="one two\nsound root u1\n")
        settings["auth_ident_file"] = "HOME/ident"
        with Pooler("ours", home, {"app": at(server)}, settings, USERS, files) as pooler:
            assert told(pooler, "u3") == ""
            lines = ["ident:1: could not parse ident config line 1: three names are needed",
                     "hba:2: could not parse hba config line 2: ident map none is not found in ident config file"]
            assert problems(pooler) == [("warning", line) for line in lines]
            assert all(line in pooler.log() for line in lines), pooler.log()
            (pooler.home / "ident").unlink()
            reload(pooler)
            wait_for(lambda: f"could not open ident config file {pooler.home}/ident: " in pooler.log(), "it says so")
            assert told(pooler, "u3") == ""
            assert problems(pooler)[1] == ("warning", "hba:1: could not parse hba config line 1: ident map sound is not found in ident config file")


def test_auth_file_with_a_mistake():
    """Who stands before it is known; a file that is missing says nobody, and at SIGHUP nothing new."""
    with Server(15) as server, folder() as home:
        make_users(server)
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {}, '"u1" ""\nu2 ""\n"u3" ""\n') as pooler:
                assert told(pooler, "u1") == "" and "authentication failed" in told(pooler, "u3"), kind
                assert "broken auth file" in pooler.log(), kind
                if kind == "ours":
                    assert problems(pooler) == [("error", "users:2: broken auth file")]
                users = pooler.home / "users"
                users.write_text('"u1" ""\n"u2" ""\n')
                reload(pooler)
                wait_for(lambda: told(pooler, "u2") == "", f"{kind} has read the file again")
                users.unlink()
                reload(pooler)
                wait_for(lambda: f"could not open auth_file {users}: " in pooler.log(), f"{kind} says so")
                assert told(pooler, "u2") == "", kind
            with Pooler(kind, home, {"app": at(server)}, {"auth_file": "HOME/none"}, USERS) as pooler:
                assert "authentication failed" in told(pooler, "u1"), kind
                assert f"could not open auth_file {pooler.home}/none: " in pooler.log(), kind
        # PgBouncer takes the next user's name for the password. Nobody wants that.
        with Pooler("ours", home, {"app": at(server)}, {}, '"u1"\n"u2" ""\n') as pooler:
            assert "authentication failed" in told(pooler, "u1") and told(pooler, "u2") == ""
            assert problems(pooler) == [("warning", "users:1: a user without a password")]


def test_names_in_a_file_beside_the_hba_file():
    """"@file" counts from the folder of the file that names it, and what stands there is read as a field is."""
    files = {"names": "u1, @more\n", "more": "u2\n", "everybody": "all\n", "nobody": '"all"\n'}
    cases = [("host all @names 127.0.0.1/32 trust", {"u1", "u2"}), ("host all @everybody 127.0.0.1/32 trust", {"u1", "u2", "u3"}),
             ("host all @nobody 127.0.0.1/32 trust", set()), ('host all "@names" 127.0.0.1/32 trust', set()),
             ("host @everybody @HOME/more 127.0.0.1/32 trust", {"u2"})]
    with Server(15) as server, folder() as home:
        make_users(server)
        for line, wanted in cases:
            for kind in KINDS:
                settings, all_files = of_hba(line + "\n", **files)
                with Pooler(kind, home, {"app": at(server)}, settings, USERS, all_files) as pooler:
                    assert {user for user in ("u1", "u2", "u3") if told(pooler, user) == ""} == wanted, (kind, line)


def test_what_stands_behind_a_section():
    more = "[users] ; who they are\n[users] # again\nu1 = pool_mode=session\n[users] u2 = pool_mode=statement\n"
    with Server(15) as server, folder() as home:
        for kind in KINDS:
            with Pooler(kind, home, {"app": at(server)}, {"admin_users": "u1"}, USERS, more=more) as pooler, Console(pooler, "u1") as console:
                modes = {row["name"]: row["pool_mode"] for row in console.rows("SHOW USERS")}
                assert (modes["u1"], modes["u2"]) == ("session", "statement"), (kind, modes)


def test_numbers_with_something_behind_them():
    """Of a database: what follows the number counts for nothing, and a number below 0 is none of its own; of all, it is no limit."""
    settings = {"admin_users": "u1", "default_pool_size": 7, "max_db_connections": -1}
    with Server(15) as server, folder() as home:
        make_users(server)
        for kind in KINDS:
            databases = {"app": at(server) + " pool_size=20; min_pool_size=-1", "other": at(server) + " pool_size=-1"}
            with Pooler(kind, home, databases, settings, USERS) as pooler, Console(pooler, "u1") as console:
                sizes = {row["name"]: row["pool_size"] for row in console.rows("SHOW DATABASES")}
                assert (sizes["app"], sizes["other"]) == ("20", "7"), (kind, sizes)
                assert told(pooler, "u1") == "", kind
                if kind == "ours":
                    assert problems(pooler) == [("warning", 'pool.ini:2: pool_size=20;: ";" behind the number counts for nothing')]
                    assert "counts for nothing" in pooler.log()
                    converted = pgkeep("pool", "convert", pooler.home / "pool.ini")
                    assert "pool_size = 20\n" in converted.stdout and "pool_size = -" not in converted.stdout, converted.stdout
                    assert "pool.ini:2: pool_size=20;" in converted.stderr
        # Words of any case: of 1.24 and later.
        with Pooler("ours", home, {"app": at(server) + " load_balance_hosts=Disable target_session_attrs=ANY"}, {}, USERS) as pooler:
            assert told(pooler, "u1") == ""
