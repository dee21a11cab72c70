"""The HTML report in a real browser: quiet, readable on a telephone and on a wide screen, light and dark, every fix copied as it is.

Chromium is driven through playwright-core, which the test fetches once; html_check.mjs looks, this file makes the report and judges.
"""
import fcntl
import json
import re
import shutil
import subprocess

from support import TOP, Server, Skip, folder, pgkeep

# The package only drives a browser that is there already; it brings none and runs no script when it is installed.
PLAYWRIGHT = "playwright-core@1.56.1"  # Debian 12 has node 18, which later ones refuse.
HOME = TOP / "build/playwright"
SHOTS = TOP / "build/screenshots"
SLOW = ["test_html_report_in_a_browser"]

SCRIPT = '"; <script>alert(1)</script>'
IMAGE = "<img src=x onerror=alert(2)>&lt;b&gt;"
LONG = "a_name_as_long_as_the_server_allows_it_to_be_without_any_break_"
HOSTILE_NAMES = [SCRIPT, IMAGE, LONG, "🛒 заказы 数据", "tab\there", "</code></pre></style><h1>"]
NEWLINE = "first line\nsecond line"


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def many_mistakes():
    """Tables with the classical mistakes under friendly and hostile names, for pages of findings with and without SQL."""
    sql = []
    for name in [*HOSTILE_NAMES, NEWLINE, "esc\x1b[31mape", *(f"orders_{i}" for i in range(5))]:
        table = quoted(name)
        sql.append(f"CREATE TABLE {table} (id integer PRIMARY KEY, price real, made timestamp, label varchar(255), blob json, {quoted(name[:40])} text);")
        child = quoted(name[:20] + "_child")
        sql.append(f"CREATE TABLE {child} (parent_id integer REFERENCES {table} ON DELETE CASCADE, state char(10), {quoted(name[:40])} money);")
        sql.append(f"CREATE INDEX ON {table} (label); CREATE INDEX ON {table} (label); CREATE INDEX ON {table} (label, made);")
        sql.append(f"INSERT INTO {table} (id) SELECT generate_series(1, 3000); INSERT INTO {child} SELECT generate_series(1, 3000);")
        sql.append(f"GRANT ALL ON {table} TO PUBLIC;")
    return "\n".join([*sql, "ANALYZE;"])


def driver():
    """The folder with playwright-core; two runs at once fetch it once."""
    for tool in ("node", "npm", "chromium"):
        if not shutil.which(tool):
            raise Skip(f"no {tool} on this machine")
    HOME.mkdir(parents=True, exist_ok=True)
    package = HOME / "node_modules/playwright-core/package.json"
    with open(HOME / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = json.loads(package.read_text())["version"] if package.exists() else ""
        if version != PLAYWRIGHT.rpartition("@")[2]:
            fetched = subprocess.run(["npm", "install", "--prefix", str(HOME), "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", PLAYWRIGHT],
                                     capture_output=True, text=True, timeout=300)
            if fetched.returncode != 0:
                raise Skip(f"npm could not install {PLAYWRIGHT}: {fetched.stderr.strip()[-300:]}")
    return package.parent


def statements(lines):
    return ";\n".join(lines) + ";" if lines else None


def has_control(text):
    """Characters that a page can show only as escapes; a line end and a tab it can show."""
    return re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text) is not None


def look_at(page, home):
    plan = home / "plan.json"
    plan.write_text(json.dumps({"page": str(page), "driver": str(driver()), "chromium": shutil.which("chromium"), "shots": str(SHOTS)}))
    SHOTS.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(["node", str(TOP / "tests/e2e/html_check.mjs"), str(plan)], capture_output=True, text=True, timeout=400)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return json.loads(result.stdout)


def check_copies(seen, report):
    """What landed on the clipboard is the SQL that the JSON report names, one for one."""
    for path in ("clipboard", "field"):
        copies = seen["copies"][path]
        assert len(copies) == seen["buttons"] > 50, (path, len(copies), seen["buttons"])
        wrong = [c for c in copies if c["copied"] != c["shown"]]
        assert not wrong, (path, wrong[:3])
        assert all(c["label"] == "Copied" for c in copies), (path, [c for c in copies if c["label"] != "Copied"][:3])
        for kind, part in (("fix", "sql"), ("undo", "undo")):
            want = [statements(f["fix"][part]) for f in report["findings"] if f.get("fix") and f["fix"].get(part)]
            exact = sorted(text for text in want if not has_control(text))
            got = sorted(c["copied"] for c in copies if c["kind"] == kind)
            assert got == exact, (path, kind, sorted(set(exact) ^ set(got))[:4])
            assert kind != "fix" or len(want) > len(exact) > 50, (len(want), len(exact))
    assert not seen["silent"], f"SQL with neither a button nor a word why: {seen['silent'][:3]}"


def test_html_report_in_a_browser():
    driver()
    with Server(15) as server, folder() as home:
        script = home / "mistakes.sql"
        script.write_text(many_mistakes(), encoding="utf-8")
        server.psql_file(script)
        snapshot = home / "snapshot.json"
        pgkeep("snapshot", "save", "-o", snapshot, server.uri())
        page = home / "report.html"
        # Both from one snapshot, so that they hold the same findings.
        page.write_text(pgkeep("audit", "--snapshot", snapshot, "--format", "html", "--fail-on", "never").stdout, encoding="utf-8")
        report = json.loads(pgkeep("audit", "--snapshot", snapshot, "--format", "json", "--fail-on", "never").stdout)
        seen = look_at(page, home)
    assert not seen["noise"], f"console, errors, dialogs, requests: {seen['noise'][:5]}"
    assert seen["ran"] == [], f"a script out of the database ran: {seen['ran']}"
    assert len(seen["views"]) == 8, seen["views"]
    for view in seen["views"]:
        where = f"{view['width']} {view['scheme']} {view['state']}"
        assert view["scrollWidth"] <= view["width"], (where, view["scrollWidth"], view["wide"])
        assert view["texts"] > 300, (where, view["texts"])
        assert view["body"] >= 4.5, (where, view["body"])
        assert not view["faint"], (where, view["faint"][:5])
        assert not view["tiny"], (where, view["tiny"][:5])
        assert not view["cut"], (where, view["cut"][:5])
    pages = {view["scheme"]: view["page"] for view in seen["views"]}
    assert pages["light"] != pages["dark"], pages
    objects = seen["objects"]
    for name in [one for one in HOSTILE_NAMES if "\t" not in one]:
        assert any(name in shown or name.replace('"', '""') in shown for shown in objects), (name, objects[:60])
    assert any("first line" in shown and "second line" in shown for shown in objects), objects[:60]
    assert seen["elements"] == {"h1": 1, "img": 0, "script": 1, "style": 1}, seen["elements"]
    check_copies(seen, report)
    assert seen["all"] and all(one["copied"] == one["shown"] for one in seen["all"]), [o for o in seen["all"] if o["copied"] != o["shown"]][:2]
    assert seen["filter"]["none"] and 0 < seen["filter"]["some"] < seen["filter"]["every"], seen["filter"]
