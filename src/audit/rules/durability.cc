// What keeps committed rows on disk, whole and readable: WAL, checksums, collations.
#include <algorithm>
#include <array>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

/// Judges a switch that must be on.
void must_be_on(const Snapshot& db, std::string_view name, std::string_view message, Sink& out) {
  const catalog::Setting* const setting = look_at(db, name, out);
  if (setting == nullptr || setting->value == "on") return;
  out.add(setting_finding(db, name, std::string(message), set_server(db, name, "on")));
}

void fsync_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  must_be_on(db, "fsync",
             "fsync is off: after a crash of the machine the whole cluster can be unreadable", out);
}

void full_page_writes_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  must_be_on(db, "full_page_writes",
             "full_page_writes is off: a page that was half written when the power failed cannot "
             "be repaired",
             out);
}

void add_synchronous_commit_of_roles(const Snapshot& db, Sink& out) {
  for (const catalog::RoleSetting& each : db.role_settings) {
    if (each.name != "synchronous_commit" || each.value != "off") continue;
    const bool is_role = !each.role.empty();
    const std::string place = is_role && !each.database.empty()
                                  ? fmt::format("role {} in database {}", each.role, each.database)
                              : is_role ? fmt::format("role {}", each.role)
                                        : fmt::format("database {}", each.database);
    std::string target = is_role ? "ROLE " + postgres::quote_identifier(each.role)
                                 : "DATABASE " + postgres::quote_identifier(each.database);
    if (is_role && !each.database.empty()) {
      target += " IN DATABASE " + postgres::quote_identifier(each.database);
    }
    out.add(
        {.severity = Severity::info,
         .object = place,
         .message = fmt::format("{} commits without waiting for the disk: up to three times "
                                "wal_writer_delay of its commits are lost in a crash",
                                place),
         .evidence = Json{{"role", each.role}, {"database", each.database}, {"value", each.value}},
         .fix = Fix{.safety = Safety::online,
                    .phase = Phase::roles,
                    .sql = {fmt::format("ALTER {} RESET synchronous_commit", target)},
                    .undo = {fmt::format("ALTER {} SET synchronous_commit = off", target)},
                    .note = "Fine where losing the last rows is accepted, such as for events."}});
  }
}

void synchronous_commit_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "synchronous_commit", out);
  if (setting == nullptr) return;
  if (setting->value == "off") {
    out.add(setting_finding(db, setting->name,
                            "synchronous_commit is off for the whole server: commits that were "
                            "acknowledged can be lost in a crash",
                            set_server(db, setting->name, "on")));
  }
  const bool waits_less = setting->value == "local" || setting->value == "remote_write";
  if (waits_less && !catalog::setting_text(db, "synchronous_standby_names").empty()) {
    Finding finding = setting_finding(db, setting->name,
                                      fmt::format("synchronous_commit is {}: a commit does not "
                                                  "wait until a synchronous standby has it on disk",
                                                  setting->value),
                                      set_server(db, setting->name, "on"));
    finding.severity = Severity::info;
    out.add(std::move(finding));
  }
  add_synchronous_commit_of_roles(db, out);
}

void data_checksums_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "data_checksums", out);
  if (setting == nullptr || setting->value == "on") return;
  Fix fix{.safety = Safety::manual,
          .phase = Phase::settings,
          .note =
              "Checksums are written while the server is stopped, which no statement can do: stop "
              "it, run `pg_checksums --enable --progress -D DATA`, start it. A replica can go "
              "first, then a switchover."};
  out.add(setting_finding(
      db, setting->name,
      "data_checksums is off: a page that the disk changed is read as if it were right",
      std::move(fix)));
}

void checksum_failures(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (catalog::setting_text(db, "data_checksums") == "off") {
    out.skip("data checksums are off: nothing counts failures");
    return;
  }
  for (const catalog::Database& each : db.databases) {
    if (each.checksum_failures <= 0) continue;
    const double age = db.server.now - each.checksum_last_failure;
    const std::string when = each.checksum_last_failure > 0
                                 ? fmt::format(", the last one {} ago", human_seconds(age))
                                 : std::string{};
    out.add({.object = fmt::format("database {}", each.name),
             .message = fmt::format("{} pages failed their checksum{}",
                                    human_count(each.checksum_failures), when),
             .evidence = Json{{"database", each.name},
                              {"failures", each.checksum_failures},
                              {"last_failure_unix_s", each.checksum_last_failure}},
             .fix = Fix{
                 .safety = Safety::manual,
                 .phase = Phase::repair,
                 .note = "No statement brings a damaged page back: stop trusting this disk, look "
                         "in the server's log for the files, restore them from a verified backup "
                         "on other hardware, then pg_stat_reset() in this database."}});
  }
}

constexpr auto kDeveloperOptions = std::to_array<std::string_view>(
    {"zero_damaged_pages", "ignore_checksum_failure", "ignore_system_indexes",
     "allow_system_table_mods", "debug_discard_caches", "pre_auth_delay", "post_auth_delay"});

void developer_options_on(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const std::string_view name : kDeveloperOptions) {
    const catalog::Setting* const setting = db.setting(name);
    if (setting == nullptr || setting->value == setting->boot_value) continue;
    out.add(setting_finding(
        db, name,
        fmt::format("{} is {}: it exists to rescue or test a server, not to run one", name,
                    setting->value),
        set_server(db, name, setting->boot_value)));
  }
}

Fix rebuild_and_refresh(const std::vector<const catalog::Index*>& indexes, std::string refresh) {
  Fix fix{
      .safety = Safety::online,
      .phase = Phase::maintenance,
      .note =
          "Until they are rebuilt, these indexes may miss rows or hold duplicates. Run the last "
          "statement only after all of them were rebuilt."};
  for (const catalog::Index* index : indexes) {
    // The server refuses CONCURRENTLY for exclusion constraints.
    if (index->is_exclusion) fix.safety = Safety::blocks_all;
    fix.sql.push_back(fmt::format("REINDEX INDEX {}{}", index->is_exclusion ? "" : "CONCURRENTLY ",
                                  catalog::qualified_name(*index)));
  }
  fix.sql.push_back(std::move(refresh));
  return fix;
}

Json index_names(const std::vector<const catalog::Index*>& indexes) {
  Json names{Json::Array{}};
  for (const catalog::Index* index : indexes)
    names.push(catalog::qualified_name(*index));
  return names;
}

/// pg_collation's own row of the database's default collation.
constexpr catalog::OidNumber kDefaultCollation = 100;

void add_database_collation(const Snapshot& db, Sink& out) {
  const catalog::Database* const database = db.current_database();
  if (database == nullptr || database->collation_version.empty() ||
      database->collation_version_actual.empty() ||
      database->collation_version == database->collation_version_actual) {
    return;
  }
  std::vector<const catalog::Index*> affected;
  for (const catalog::Index& index : db.indexes) {
    const bool uses_default =
        std::ranges::find(index.collations, kDefaultCollation) != index.collations.end();
    if (uses_default && !index.is_partitioned) affected.push_back(&index);
  }
  if (affected.empty()) return;
  out.add({.object = fmt::format("database {}", postgres::quote_identifier(database->name)),
           .message = fmt::format(
               "{} indexes were sorted by version {} of collation {}, the library is now {}",
               affected.size(), database->collation_version, database->collate,
               database->collation_version_actual),
           .evidence = Json{{"recorded", database->collation_version},
                            {"actual", database->collation_version_actual},
                            {"indexes", index_names(affected)}},
           .fix = rebuild_and_refresh(affected,
                                      fmt::format("ALTER DATABASE {} REFRESH COLLATION VERSION",
                                                  postgres::quote_identifier(database->name)))});
}

void collation_version(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  add_database_collation(db, out);
  std::vector<const catalog::Index*> affected;
  for (const catalog::Index& index : db.indexes) {
    if (index.uses_old_collation && !index.is_partitioned) affected.push_back(&index);
  }
  for (const catalog::CollationUse& each : db.collations) {
    if (each.name.ends_with("default")) continue; // The database's own: judged above.
    if (each.indexes == 0 || each.version.empty() || each.version_actual.empty() ||
        each.version == each.version_actual) {
      continue;
    }
    out.add({.object = fmt::format("collation {}", each.name),
             .message = fmt::format("{} indexes were sorted by version {}, the library is now {}",
                                    each.indexes, each.version, each.version_actual),
             .evidence = Json{{"provider", each.provider},
                              {"recorded", each.version},
                              {"actual", each.version_actual},
                              {"indexes", index_names(affected)}},
             .fix = rebuild_and_refresh(
                 affected, fmt::format("ALTER COLLATION {} REFRESH VERSION", each.name))});
  }
}

void sql_ascii(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Database& each : db.databases) {
    if (each.encoding != "SQL_ASCII" || each.is_template || !each.allows_connections) continue;
    out.add(
        {.object = fmt::format("database {}", postgres::quote_identifier(each.name)),
         .message = "the encoding is SQL_ASCII: any bytes are taken as text, and nobody knows "
                    "later what they were",
         .evidence = Json{{"database", each.name}, {"encoding", each.encoding}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::types,
                    .note =
                        "The encoding of a database is fixed when it is made, no statement changes "
                        "it: create one with ENCODING 'UTF8', dump with the encoding that the "
                        "bytes really have (pg_dump -E), mend what is refused, restore."}});
  }
}

constexpr Rule kDurabilityRules[] = {
    {.id = "fsync-off",
     .title = "fsync is off",
     .why = "The kernel may keep written pages for minutes; when the machine stops, files are left "
            "half "
            "written and the cluster is lost.",
     .how = "ALTER SYSTEM SET fsync = on and reload.",
     .source = "PostgreSQL manual, runtime-config-wal: fsync",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = fsync_off},
    {.id = "full-page-writes-off",
     .title = "full_page_writes is off",
     .why = "A page torn by a power failure cannot be repaired from WAL: rows are silently mixed "
            "or lost.",
     .how = "Switch it on and reload; ignore this with a reason where the file system never tears "
            "pages (ZFS).",
     .source = "PostgreSQL manual, runtime-config-wal: full_page_writes",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = full_page_writes_off},
    {.id = "synchronous-commit-off",
     .title = "Commits are acknowledged before they are on disk",
     .why = "The application was told that an order is stored, and after a crash it is not.",
     .how = "Leave it on for the server and set it off per transaction where the last rows may be "
            "lost.",
     .source = "PostgreSQL manual, wal-async-commit",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings | Facts::roles,
     .judge = synchronous_commit_off},
    {.id = "data-checksums-off",
     .title = "Data checksums are off",
     .why = "A disk that returns wrong bytes goes unnoticed until the damage is in every backup.",
     .how = "Stop the server and run pg_checksums --enable, on a replica first.",
     .source = "PostgreSQL manual, app-pgchecksums",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = data_checksums_off},
    {.id = "checksum-failures",
     .title = "Pages failed their checksum",
     .why = "Rows of this database are damaged on disk; queries fail and backups copy the damage.",
     .how = "Find the disk, restore from a verified backup onto other hardware.",
     .source = "PostgreSQL manual, monitoring-stats: pg_stat_database",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::databases | Facts::settings,
     .judge = checksum_failures},
    {.id = "developer-options-on",
     .title = "A developer option is set on a running server",
     .why = "These options skip damaged pages, ignore indexes or open the system catalogs: data is "
            "lost without an error.",
     .how = "Set each back to its default.",
     .source = "PostgreSQL manual, runtime-config-developer",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = developer_options_on},
    {.id = "collation-version",
     .aliases = "collation-version-mismatch",
     .title = "Indexes were sorted by another version of a collation",
     .why = "After an upgrade of libc or ICU the order of text changed: lookups by these indexes "
            "miss rows, "
            "and unique ones let duplicates in.",
     .how = "Rebuild the listed indexes concurrently, then refresh the recorded version.",
     .source = "PostgreSQL manual, sql-altercollation: Notes",
     .severity = Severity::error,
     .area = Area::indexes,
     .needs = Facts::collations | Facts::indexes | Facts::databases,
     .judge = collation_version},
    {.id = "sql-ascii",
     .aliases = "encoding-sql-ascii",
     .title = "A database has the encoding SQL_ASCII",
     .why = "The server checks and converts nothing: one client writes Latin-1, the next UTF-8, "
            "and reports show rubbish.",
     .how = "Dump it, make a database with UTF8, restore.",
     .source = "PostgreSQL manual, multibyte",
     .severity = Severity::warning,
     .area = Area::types,
     .needs = Facts::databases,
     .judge = sql_ascii},
};

} // namespace

const std::span<const Rule> durability_rules{kDurabilityRules};

} // namespace pgkeep::audit
