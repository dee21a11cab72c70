"""`pgkeep audit` as its users call it: formats, baselines, ignores, offline, little rights, a standby, every version."""
import json
import os
import re
import subprocess
import xml.etree.ElementTree

from support import ACCOUNT, PGKEEP, TOP, Server, audit, folder, of_severity, pgkeep, run, short, wait_for

BAD = """
CREATE TABLE parents (id integer PRIMARY KEY, price real);
CREATE TABLE children (id integer, parent_id integer REFERENCES parents ON DELETE CASCADE);
INSERT INTO parents SELECT i, i FROM generate_series(1, 5000) AS i;
INSERT INTO children SELECT i, i FROM generate_series(1, 5000) AS i;
ANALYZE;
"""


def rules_of(report):
    return sorted((f["rule"], f["object"], f["severity"]) for f in report["findings"])


def test_formats():
    with Server(15) as server:
        server.psql(BAD)
        report = audit(server.uri())
        assert report["pgkeep"] == "findings/1"
        assert {"target", "summary", "findings", "passed", "skipped", "checklists"} <= set(report)
        found = {f["rule"]: f for f in report["findings"]}
        finding = found["foreign-key-without-index"]
        assert finding["fix"]["safety"] == "online" and "CONCURRENTLY" in finding["fix"]["sql"][0], finding
        assert "fk-without-index" in finding["aliases"]
        for one in report["findings"]:
            assert one["evidence"] and one["message"], one
            assert one["fix"]["sql"] or one["fix"]["note"], one
        assert report["summary"]["passed"] == len(report["passed"]) and report["summary"]["skipped"] == len({s["rule"] for s in report["skipped"]})
        assert [len(c["items"]) for c in report["checklists"]] == [10, 6, 5], report["checklists"]
        sarif = json.loads(pgkeep("audit", server.uri(), "--format", "sarif", "--fail-on", "never").stdout)
        assert sarif["version"] == "2.1.0" and len(sarif["runs"][0]["results"]) == len(report["findings"])
        assert all(r["partialFingerprints"] and r["locations"] for r in sarif["runs"][0]["results"])
        xml.etree.ElementTree.fromstring(pgkeep("audit", server.uri(), "--format", "junit", "--fail-on", "never").stdout)
        assert "::error" in pgkeep("audit", server.uri(), "--format", "github", "--fail-on", "never").stdout
        assert "|" in pgkeep("audit", server.uri(), "--format", "markdown", "--fail-on", "never").stdout
        assert "<html" in pgkeep("audit", server.uri(), "--format", "html", "--fail-on", "never").stdout


def test_all_databases():
    with Server(15) as server, folder() as home:
        server.create_database("other")
        server.psql("CREATE DATABASE closed ALLOW_CONNECTIONS false")
        server.psql(BAD, database="other")
        one, all_of_them = audit(server.uri()), audit(server.uri(), "--all-databases")
        added = [f for f in all_of_them["findings"] if f["object"].startswith("other: ")]
        assert {"foreign-key-without-index", "money-as-float"} <= {f["rule"] for f in added}, short(added)
        assert all(f["fix"]["note"].startswith("In database other.") for f in added)
        assert [f for f in rules_of(all_of_them) if not f[1].startswith("other: ")] == rules_of(one), "what is the server's is said once"
        assert "foreign-key-without-index" in one["passed"] and "foreign-key-without-index" not in all_of_them["passed"]
        index_item = [i for c in all_of_them["checklists"] for i in c["items"] if "foreign-key-without-index" in i["rules"]][0]
        assert index_item["answer"] == "failed", index_item
        refused = pgkeep("audit", server.uri(), "--all-databases", "--fix-out", home / "fixes", check=False)
        assert refused.returncode == 2 and "do not go together" in refused.stderr, refused.stderr


def test_thresholds_baseline_and_ignores():
    with Server(15) as server, folder() as home:
        server.psql(BAD)
        only = ["--only", "fk-without-index,missing-primary-key,fsync-off"]
        assert pgkeep("audit", server.uri(), *only, "--fail-on", "warning", check=False).returncode == 1
        assert pgkeep("audit", server.uri(), "--only", "missing-primary-key", check=False).returncode == 0, "a warning is below error"
        baseline = home / "baseline.json"
        pgkeep("audit", server.uri(), *only, "--fail-on", "never", "--write-baseline", baseline)
        known = pgkeep("audit", server.uri(), *only, "--fail-on", "info", "--baseline", baseline, check=False)
        assert known.returncode == 0, known.stdout
        server.psql("CREATE TABLE newer (x integer)")
        assert pgkeep("audit", server.uri(), *only, "--fail-on", "warning", "--baseline", baseline, check=False).returncode == 1
        config = home / "pgkeep.toml"
        config.write_text('[[audit.ignore]]\nrule = "no-primary-key"\nobject = "public.newer"\nreason = "scratch"\n'
                          '[[audit.ignore]]\nrule = "hba-md5"\nobject = "nowhere"\nreason = "never matches"\n')
        report = audit(server.uri(), "--only", "missing-primary-key,hba-md5", "--config", config)
        assert [f["object"] for f in report["findings"]] == ["public.children"], short(report["findings"])
        assert report["set_aside"] and "nowhere" in json.dumps(report["notes"]) + json.dumps(report), report["notes"]


def test_offline_equals_online():
    with Server(15) as server, folder() as home:
        server.psql(BAD)
        # Counters reach the statistics views with a delay: both look at a database that rests.
        server.psql("SELECT pg_stat_force_next_flush()")
        saved = home / "s.json"
        pgkeep("snapshot", "save", "-o", saved, server.uri())
        online, offline = audit(server.uri()), json.loads(pgkeep("audit", "--snapshot", saved, "--format", "json", "--fail-on", "never").stdout)
        assert rules_of(online) == rules_of(offline)
        assert {f["rule"] + f["object"]: f["fix"] for f in online["findings"]} == {f["rule"] + f["object"]: f["fix"] for f in offline["findings"]}
        assert sorted(online["passed"]) == sorted(offline["passed"])
        assert sorted(s["rule"] for s in online["skipped"]) == sorted(s["rule"] for s in offline["skipped"])


def test_little_rights():
    with Server(15) as server:
        server.psql(BAD)
        server.psql("CREATE ROLE reader LOGIN; GRANT SELECT ON parents TO reader")
        report = audit(server.uri(user="reader"))
        assert len(report["skipped"]) >= 5 and all(s["reason"] for s in report["skipped"]), report["skipped"]
        assert not {s["rule"] for s in report["skipped"]} & set(report["passed"]), "a rule that could not look passed"
        assert any(f["rule"] == "foreign-key-without-index" for f in report["findings"])
        server.psql("CREATE ROLE nobody_at_all LOGIN")
        bare = audit(server.uri(user="nobody_at_all"))
        assert bare["skipped"]


def test_standby():
    with Server(15) as primary, folder() as home:
        data = home / "standby"
        if os.geteuid() == 0:
            run(["chown", ACCOUNT, home])
        argv = ["/usr/lib/postgresql/15/bin/pg_basebackup", "-D", data, "-d", primary.uri(), "-R", "-c", "fast"]
        run(["runuser", "-u", ACCOUNT, "--", *argv] if os.geteuid() == 0 else argv)
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"unix_socket_directories = '{home}'\nlisten_addresses = ''\n")
        standby = Server.__new__(Server)
        standby.major, standby.bin, standby.home, standby.data, standby.port = 15, primary.bin, home, data, primary.port
        standby.start()
        try:
            uri = f"postgresql:///postgres?host={home}&port={primary.port}&user=postgres"
            wait_for(lambda: run(["psql", "-XAtqd", uri, "-c", "SELECT pg_is_in_recovery()"], check=False).stdout.strip() == "t", "the standby")
            report = audit(uri)
            assert report["pgkeep"] == "findings/1" and len(report["passed"]) > 50, report["summary"]
        finally:
            standby.stop()


def test_every_version():
    for major in (14, 16, 17, 18):
        with Server(major) as server:
            server.psql(BAD)
            report = audit(server.uri())
            absent = [s for s in report["skipped"] if "syntax" in s["reason"] or "does not exist" in s["reason"] or "operator" in s["reason"]]
            assert not absent, (major, absent)
            rules = {f["rule"] for f in report["findings"]}
            assert {"foreign-key-without-index", "missing-primary-key", "fsync-off"} <= rules, (major, rules)
            assert ("version-eol" in rules) == (major == 14), (major, rules)


def test_list_and_explain():
    listed = json.loads(pgkeep("audit", "--list", "--format", "json").stdout)["rules"]
    assert len(listed) > 150, len(listed)
    text = pgkeep("audit", "--list").stdout
    for rule in listed:
        assert rule["id"] in text
    for rule in listed[::7]:
        explained = pgkeep("audit", "--explain", rule["id"]).stdout
        assert rule["title"] in re.sub(r"\s+", " ", explained) and "manual" in explained.lower() or rule["source"][:20] in re.sub(r"\s+", " ", explained), explained
    assert pgkeep("audit", "--explain", "fk-without-index").stdout == pgkeep("audit", "--explain", "foreign-key-without-index").stdout


def test_help_man_and_completion():
    overview = pgkeep("help").stdout
    for command in ("up", "status", "down", "audit", "snapshot save", "version", "help"):
        assert f"  {command} " in overview
        shown = run([PGKEEP, *command.split(), "--help"]).stdout
        assert "Example:" in shown and all(len(line) <= 80 for line in shown.splitlines()), shown
    with folder() as home:
        pgkeep("help", "--man", home)
        pages = sorted(home.glob("*.1"))
        assert len(pages) >= 7
        for page in pages:
            checked = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page], capture_output=True, text=True) if subprocess.run(
                ["sh", "-c", "command -v groff"], capture_output=True).returncode == 0 else None
            assert checked is None or not checked.stderr, checked.stderr
        script = home / "complete.bash"
        script.write_text(pgkeep("help", "--completion", "bash").stdout)
        run(["bash", "-n", script])
        assert "audit" in run(["bash", "-c", f". {script}; COMP_WORDS=(pgkeep au); COMP_CWORD=1; _pgkeep; echo ${{COMPREPLY[*]}}"]).stdout
    assert (TOP / "docs/commands.md").read_text() == pgkeep("help", "--markdown").stdout, "run: pgkeep help --markdown > docs/commands.md"
    rules = pgkeep("audit", "--list", "--format", "markdown").stdout
    assert (TOP / "docs/rules.md").read_text() == rules, "run: pgkeep audit --list --format markdown > docs/rules.md"
    lint_rules = pgkeep("lint", "--list", "--format", "markdown").stdout
    assert (TOP / "docs/lint-rules.md").read_text() == lint_rules, "run: pgkeep lint --list --format markdown > docs/lint-rules.md"


def test_fix_files():
    with Server(15) as server, folder() as home:
        server.psql(BAD)
        pgkeep("audit", server.uri(), "--fix-out", home / "fixes", "--fail-on", "never", "--only", "schema,types")
        ups = sorted(p for p in (home / "fixes").glob("V*.sql") if not p.name.endswith(".down.sql"))
        assert ups and all(p.with_name(p.name[:-4] + ".down.sql").exists() for p in ups), ups
        before = of_severity(audit(server.uri(), "--only", "schema,types"), "error", "warning")
        assert before
        for path in ups:
            assert path.read_text().startswith("--"), path
            server.psql_file(path)
        after = [f for f in of_severity(audit(server.uri(), "--only", "schema,types"), "error", "warning") if f["fix"]["safety"] != "manual"]
        assert not after, short(after)
