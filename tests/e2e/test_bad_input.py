"""Bad input: one line on stderr that says what, where and what to do; the documented exit code; nothing lost."""
import http.server
import os
import socket
import threading

from support import Server, Skip, audit, folder, free_port, pgkeep, run


def expect(result, code, *words):
    lines = result.stderr.splitlines()
    assert result.returncode == code, (result.returncode, result.stdout[-500:], result.stderr)
    assert len(lines) == 1 and lines[0].startswith("pgkeep: error:"), result.stderr
    for word in words:
        assert word.lower() in lines[0].lower(), (word, lines[0])
    assert result.stdout == "", result.stdout[:500]


def test_nobody_listens():
    port = free_port()
    expect(pgkeep("audit", f"postgresql://localhost:{port}/x", check=False), 3, str(port))
    expect(pgkeep("snapshot", "save", f"host=/tmp/no-such-folder port={port}", check=False), 3, "/tmp/no-such-folder")


def test_silent_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        expect(pgkeep("audit", f"postgresql://127.0.0.1:{port}/x?connect_timeout=2", check=False), 3, str(port))


def test_not_a_postgresql():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            expect(pgkeep("audit", f"postgresql://127.0.0.1:{server.server_port}/x", check=False), 3, "no postgresql")
        finally:
            server.shutdown()


def test_wrong_password_and_database():
    with Server(15) as server:
        server.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE someone LOGIN PASSWORD 'the-right-one'")
        hba = server.data / "pg_hba.conf"
        hba.write_text("local all postgres trust\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n")
        server.psql("SELECT pg_reload_conf()")
        target = f"postgresql://someone:wrong-secret@127.0.0.1:{server.port}/postgres"
        refused = pgkeep("audit", target, check=False)
        expect(refused, 3, "password")
        assert "wrong-secret" not in refused.stderr
        expect(pgkeep("audit", server.uri("nothing"), check=False), 3, "nothing")


def test_too_old():
    with Server(12) as server:
        expect(pgkeep("audit", server.uri(), check=False), 3, "12.", "14")


def test_snapshot_files():
    with Server(15) as server, folder() as home:
        whole = home / "whole.json"
        pgkeep("snapshot", "save", "-o", whole, server.uri())
        assert whole.stat().st_mode & 0o777 == 0o600
        text = whole.read_text()
        cases = {"truncated": text[: len(text) // 2], "foreign": '{"hello": 1}', "empty": "", "newer": text.replace('snapshot/1', 'snapshot/9', 1),
                 "changed": text.replace('"is_standby":false', '"is_standby":true', 1), "binary": "\x00\x01\x02"}
        assert cases["changed"] != text
        for name, content in cases.items():
            path = home / f"{name}.json"
            path.write_text(content)
            expect(pgkeep("audit", "--snapshot", path, check=False), 4, str(path))
        expect(pgkeep("audit", "--snapshot", home / "missing.json", check=False), 4, "missing.json")
        pgkeep("audit", "--snapshot", whole, "--fail-on", "never")


def test_configuration():
    with folder() as home:
        cases = {"[audit\n": ":1:", "[audit.limits]\nlong-quary = '60s'\n": "long-query", "[audit.limits]\nlong-query = 60\n": ":2:",
                 "[audit.limits]\nlong-query = 'soon'\n": ":2:", "[[audit.ignore]]\nrule = 'fsync-off'\n": "reason", "[nonsense]\nx = 1\n": "nonsense"}
        for number, (content, word) in enumerate(cases.items()):
            path = home / f"{number}.toml"
            path.write_text(content)
            expect(pgkeep("audit", "--config", path, f"port={free_port()} host=localhost", check=False), 2, str(path), word)
        expect(pgkeep("audit", "--config", home / "none.toml", check=False), 2, "none.toml")


def test_words():
    expect(pgkeep("audti", check=False), 2, "audit")
    expect(pgkeep("audit", "--formt", "json", check=False), 2, "format")
    expect(pgkeep("audit", "--format", "yaml", check=False), 2, "json")
    expect(pgkeep("audit", "--explain", "fsync-of", check=False), 2, "fsync-off")
    expect(pgkeep("audit", "--only", "no-such-thing", f"port={free_port()}", check=False), 2)
    expect(pgkeep("audit", "a", "b", check=False), 2)
    expect(pgkeep("audit", "postgresql://host:notaport/x", check=False), 2)


def test_unwritable_outputs():
    with Server(15) as server:
        expect(pgkeep("audit", server.uri(), "--fix-out", "/proc/nowhere", "--fail-on", "never", check=False), 4, "/proc/nowhere")
        expect(pgkeep("snapshot", "save", server.uri(), "-o", "/proc/nowhere.json", check=False), 4, "/proc/nowhere.json")


def test_output_that_cannot_be_written_is_an_error():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    with Server(15) as server:
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = run(["sh", "-c", f"'{pgkeep.__globals__['PGKEEP']}' audit '{server.uri()}' --fail-on never >/dev/full"], check=False)
            del full
        assert result.returncode == 4 and "could not be written" in result.stderr, result
        assert audit(server.uri())["pgkeep"] == "findings/1"
