"""The demo shop holds every error and warning that SQL can plant, and its written fixes mend all but what needs a person.

A tenth of its size on PostgreSQL 15; with --long on 16 to 18 too, and all of it on 15 (as in ./run). Each through the real `pgkeep up --demo`.
"""
import contextlib
import json
import pathlib

from support import PGKEEP, TOP, audit, bin_of, folder, free_port, of_severity, pgkeep, run, short

SLOW = ["test_demo_on_15"]
SCALE = 0.1
# Debian's psql is a Perl script that looks for this: two hundred files are run.
PSQL = next(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"), "psql")
CONFIG = ["--config", TOP / "demo/pgkeep.toml", "--no-replicas"]

# Rules of severity error and warning that the shop breaks, with its own pg_hba.conf and settings and demo/with-sessions.
EXPECTED = """
app-is-superuser app-owns-schema archive-backlog archive-failing archiving-off autovacuum-off blocked-sessions checkpoint-pressure
collation-version connection-churn constraint-not-valid dangerous-extension database-limit-saturation dead-tuples
developer-options-on duplicate-constraint duplicate-index effective-cache-size-low extension-outdated foreign-key-duplicate
foreign-key-intersecting foreign-key-type-mismatch foreign-key-without-index fsync-off full-page-writes-off function-search-path
hba-md5 hba-no-tls hba-password-cleartext hba-trust hba-world-open idle-in-transaction idle-in-transaction-timeout-none
index-bloat-estimate invalid-index invalid-partitioned-index lock-table-use log-hostname log-secrets log-statement-all long-query
long-transaction max-connections-high memory-overcommit missing-index missing-primary-key money-as-float no-future-partition
partition-default-rows password-equals-name password-expiring password-md5 pending-restart pg-stat-statements-evicting
plaintext-secret planner-switch-off policy-always-true policy-without-rls prepared-transactions public-create public-table-grants
rls-disabled rls-force-missing role-attributes-dangerous role-limit-saturation rollbacks secrets-in-catalog security-definer-view
sequence-behind-table sequence-overflow sequence-usage-missing sessions-abandoned shared-buffers-range slot-inactive slot-lost
slot-unlimited slow-log-off sql-ascii ssl-weak stale-statistics statement-timeout-none subscription-failing superuser-reserved-zero
synchronous-commit-off table-bloat-estimate table-without-analyze-stats temp-files too-many-superusers track-settings-off
trigger-disabled unlogged-in-production unsupported-reg untrusted-language wal-directory-big xmin-horizon-held
""".split()

# What cannot be true beside the rest is made true alone: statements of one session each, before and after the look.
ALONE = {
    "pg-stat-statements-missing": (["DROP EXTENSION pg_stat_statements"], ["CREATE EXTENSION pg_stat_statements"]),
    "replica-missing": (["ALTER SYSTEM SET synchronous_commit = 'on'", "ALTER SYSTEM SET synchronous_standby_names = 'gone'"],
                        ["ALTER SYSTEM SET synchronous_commit = 'off'", "ALTER SYSTEM RESET synchronous_standby_names"]),
    # Near, not beyond: a checkpoint of the moment would make it a lost one.
    "slot-near-limit": (["SELECT pg_create_physical_replication_slot('shop_near', true)", "ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'",
                         "SELECT pg_reload_conf()", "SELECT pg_sleep(0.5)",
                         """DO $$ BEGIN WHILE (SELECT safe_wal_size FROM pg_replication_slots WHERE slot_name = 'shop_near') > 6000000 LOOP
                            PERFORM pg_logical_emit_message(false, 'shop', repeat('x', 1000000)); END LOOP; END $$"""],
                        ["ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_drop_replication_slot('shop_near')"]),
    # A setting whose value was dropped: as long as it stands, every parallel query fails.
    "config-file-error": (["CREATE TEXT SEARCH CONFIGURATION public.shop_search (COPY = pg_catalog.english)",
                           "ALTER SYSTEM SET default_text_search_config = 'public.shop_search'", "DROP TEXT SEARCH CONFIGURATION public.shop_search"],
                          ["ALTER SYSTEM RESET default_text_search_config"]),
}

# What no SQL makes true, and why; tests/golden/audit has edited Snapshots for each.
SNAPSHOT_ONLY = {
    "autovacuum-starved": "three autovacuum workers must be at work at the moment of the look",
    "backup-age": "about a repository of backups, outside of the server",
    "cert-expiring": "about a certificate, which is a file",
    "checksum-failures": "needs a page that the disk damaged",
    "conflicts": "counted on a standby",
    "connection-saturation": "hundreds of sessions, and excluded by max-connections-high",
    "data-checksums-off": "chosen by initdb",
    "disk-full-soon": "needs a full disk",
    "never-restored": "about a repository of backups, outside of the server",
    "no-log-file": "where the server's stderr goes is decided by who starts it",
    "pooler-missing": "needs a hundred idle sessions",
    "pooler-mode-unsafe": "about a pooler, outside of the server",
    "pooler-waiting": "about a pooler, outside of the server",
    "replica-lag": "needs a replica",
    "secrets-in-code": "about source code",
    "ssl-off": "needs a server that listens beyond this machine, and is excluded by ssl-weak",
    "sync-standby-single": "needs a replica",
    "tls-unused": "needs a client on another machine",
    "vacuum-many-index-passes": "needs a vacuum that runs out of memory at the moment of the look",
    "version-eol": "about the version of the binaries",
    "version-minor": "about the version of the binaries",
    "wal-level-minimal": "a server with slots does not start with it",
    "wraparound-mxid": "needs hundreds of millions of multixacts",
    "wraparound-xid": "needs hundreds of millions of transactions: before, the server freezes by itself",
}


class Shop:
    """The demo server of `pgkeep up --demo`."""

    def __init__(self, state):
        self.host, self.port = state["socket_directory"], state["port"]
        self.uri = f"postgresql:///shop?host={self.host}&port={self.port}&user=postgres"

    def psql(self, *statements):
        words = [word for statement in statements for word in ("-c", statement)]
        return run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.uri, *words]).stdout.strip()

    def run_files(self, paths):
        """In order, in one session: an error names its file."""
        words = [word for path in paths for word in ("-f", path)]
        run([PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", self.uri, *words], timeout=900)

    def audit_with_sessions(self, *words):
        result = run([TOP / "demo/with-sessions", self.host, self.port, PGKEEP, "audit", self.uri, "--format", "json", "--fail-on", "never",
                      *CONFIG, *words])
        return json.loads(result.stdout)


@contextlib.contextmanager
def demo(major, scale=SCALE):
    with folder("pgkdemo-") as home:
        directory = home / "stack"
        try:
            pgkeep("up", "--dir", directory, "--port", free_port(), "--demo", "--pg-bin", bin_of(major),
                   env={"PGOPTIONS": f"-c pgkeep.demo_scale={scale}"}, timeout=600)
            state = json.loads(pgkeep("status", "--dir", directory, "--format", "json").stdout)
            yield Shop(state["nested"][0])
        finally:
            pgkeep("down", "--dir", directory, check=False)


def serious_rules():
    listed = json.loads(pgkeep("audit", "--list", "--format", "json").stdout)["rules"]
    return {rule["id"] for rule in listed if rule["severity"] != "info"}


def test_every_serious_rule_is_planted_or_has_a_reason():
    lists = [set(EXPECTED), set(ALONE), set(SNAPSHOT_ONLY)]
    assert sum(map(len, lists)) == len(set.union(*lists)), "a rule stands in two lists"
    assert set.union(*lists) == serious_rules(), sorted(set.union(*lists) ^ serious_rules())


def check_before(report):
    found = of_severity(report, "error", "warning")
    rules = {finding["rule"] for finding in found} & serious_rules()
    # A machine's own state may add what no SQL can, such as a full disk.
    assert set(EXPECTED) <= rules and rules <= set(EXPECTED) | set(SNAPSHOT_ONLY), (
        f"not found: {sorted(set(EXPECTED) - rules)}; not planted: {sorted(rules - set(EXPECTED))}")
    classes = {finding["fix"]["safety"] for finding in found}
    assert classes == {"online", "blocks-all", "manual"}, classes


def check_alone(shop):
    for rule, (before, after) in ALONE.items():
        reload = "SELECT pg_reload_conf()"
        # Commits would wait for a standby that is not there.
        local = "SET synchronous_commit = 'local'"
        shop.psql(local, *before, reload, "SELECT pg_sleep(0.5)")
        report = audit(shop.uri, "--only", rule, *CONFIG)
        shop.psql(local, *after, reload, "SELECT pg_sleep(0.5)")
        assert of_severity(report, "error", "warning"), f"{rule} was not found"


def check_left(report):
    left = of_severity(report, "error", "warning")
    mendable = [finding for finding in left if finding["fix"]["safety"] != "manual"]
    assert not mendable, short(mendable)
    silent = [finding for finding in left if not finding["fix"]["note"]]
    assert not silent, short(silent)


def check_demo(major, scale=SCALE):
    with demo(major, scale) as shop, folder("pgkfix-") as home:
        assert shop.psql("SHOW server_version_num").startswith(str(major))
        assert int(shop.psql("SELECT count(*) FROM order_items")) == int(1_200_000 * scale)
        fixes = home / "fixes"
        check_before(shop.audit_with_sessions("--fix-out", fixes))
        check_alone(shop)
        ups = [path for path in sorted(fixes.glob("V*.sql")) if not path.name.endswith(".down.sql")]
        assert len(ups) > 50, len(ups)
        shop.run_files(ups)
        check_left(audit(shop.uri, *CONFIG))
        shop.run_files(path.with_suffix(".down.sql") for path in reversed(ups))


def long_demo_of_full_size():
    check_demo(15, 1)


def test_demo_on_15():
    check_demo(15)


def long_demo_on_16():
    check_demo(16)


def long_demo_on_17():
    check_demo(17)


def long_demo_on_18():
    check_demo(18)
