// Extensions and languages: what is missing, outdated, in the wrong schema, or opens the machine.
#include <algorithm>
#include <array>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

constexpr double kEvictionsPerHour = 1;
constexpr std::string_view kStatements = "pg_stat_statements";

const catalog::Extension* find_extension(const Snapshot& db, std::string_view name) {
  const auto found = std::ranges::find(db.extensions, name, &catalog::Extension::name);
  return found == db.extensions.end() ? nullptr : &*found;
}

/// ALTER SYSTEM for a list: alter_system() quotes the whole value as one item.
Fix preload_too(const Snapshot& db, std::vector<std::string> items, std::string_view library) {
  Fix fix = set_server(db, "shared_preload_libraries", library);
  const std::string before = list_literals(items);
  items.emplace_back(library);
  if (!fix.sql.empty()) {
    fix.sql.front() =
        fmt::format("ALTER SYSTEM SET shared_preload_libraries = {}", list_literals(items));
    fix.undo.front() = fmt::format("ALTER SYSTEM SET shared_preload_libraries = {}", before);
  }
  return fix;
}

void pg_stat_statements_missing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const preload = look_at(db, "shared_preload_libraries", out);
  if (preload != nullptr) {
    const std::vector<std::string> items = list_items(preload->value);
    if (std::ranges::find(items, kStatements) == items.end()) {
      out.add(setting_finding(db, preload->name,
                              "pg_stat_statements is not loaded: nothing counts queries",
                              preload_too(db, items, kStatements)));
    }
  }
  if (find_extension(db, kStatements) != nullptr) return;
  const std::string database = db.server.database;
  out.add(
      {.object = "extension pg_stat_statements",
       .message =
           fmt::format("the view of what queries cost is not there in database {}", database),
       .evidence = Json{{"database", database}, {"extension", kStatements}, {"installed", false}},
       .fix = Fix{.safety = Safety::online,
                  .phase = Phase::settings,
                  .sql = {"CREATE SCHEMA IF NOT EXISTS extensions",
                          "CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA extensions"},
                  .undo = {"DROP EXTENSION IF EXISTS pg_stat_statements"},
                  .note = "On Debian it comes with the server's package."}});
}

void pg_stat_statements_evicting(const Snapshot& db, const Limits& limits, Sink& out) {
  const catalog::StatementsInfo& info = db.statements_info;
  const double since = info.stats_reset > 0 ? info.stats_reset : db.server.stats_since;
  const double age_s = db.server.now - since;
  if (age_s < seconds_of(limits.counters_age)) {
    out.skip(fmt::format(
        "pg_stat_statements was reset {} ago, rates need {}; set audit.limits.counters-age",
        human_seconds(age_s), base::human_duration(limits.counters_age)));
    return;
  }
  const double per_hour = static_cast<double>(info.evictions) / (age_s / 3600);
  if (age_s <= 0 || per_hour <= kEvictionsPerHour) return;
  out.add(
      {.object = "setting pg_stat_statements.max",
       .message = fmt::format("entries were thrown out {:.1f} times an hour, {} of {} are in use",
                              per_hour, human_count(info.entries), human_count(info.entries_max)),
       .evidence = Json{{"evictions", info.evictions},
                        {"age_s", whole(age_s)},
                        {"entries", info.entries},
                        {"entries_max", info.entries_max},
                        {"same_query_other_constants", info.single_call_variants}},
       .fix = set_server(db, "pg_stat_statements.max",
                         fmt::format("{}", std::max<std::int64_t>(10'000, info.entries_max * 2)))});
}

void extension_outdated(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Extension& each : db.extensions) {
    if (each.default_version.empty() || each.version == each.default_version) continue;
    const std::string name = postgres::quote_identifier(each.name);
    out.add({.object = fmt::format("extension {}", each.name),
             .message = fmt::format("version {} is installed, the server brings {}", each.version,
                                    each.default_version),
             .evidence = Json{{"extension", each.name},
                              {"installed", each.version},
                              {"available", each.default_version}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::settings,
                        .sql = {fmt::format("ALTER EXTENSION {} UPDATE", name)},
                        .note = "There is no way back to the older version in most extensions: try "
                                "it on a copy."}});
  }
}

void extension_in_public(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Extension& each : db.extensions) {
    if (each.schema != "public") continue;
    const std::string name = postgres::quote_identifier(each.name);
    Fix fix{.safety = Safety::manual, .phase = Phase::settings};
    if (each.is_relocatable) {
      fix.sql = {"CREATE SCHEMA IF NOT EXISTS extensions",
                 fmt::format("ALTER EXTENSION {} SET SCHEMA extensions", name)};
      fix.undo = {fmt::format("ALTER EXTENSION {} SET SCHEMA public", name)};
      fix.note = "Calls without a schema, in the application and in function bodies, are found by "
                 "search_path: no "
                 "statement sees them. Add extensions to the search_path of the roles first, then "
                 "run this.";
    } else {
      fix.note = "This extension cannot be moved: drop it and create it in another schema in a "
                 "quiet hour, or leave it.";
    }
    out.add({.object = fmt::format("extension {}", each.name),
             .message = fmt::format(
                 "the objects of {} lie among the application's in schema public", each.name),
             .evidence = Json{{"extension", each.name},
                              {"schema", each.schema},
                              {"relocatable", each.is_relocatable}},
             .fix = std::move(fix)});
  }
}

Fix drop_language(const Snapshot& db, const std::string& language) {
  const auto uses = std::ranges::count(db.functions, language, &catalog::Function::language);
  const bool is_known = has(db.present, Facts::functions);
  const std::string name = postgres::quote_identifier(language);
  const bool is_extension = find_extension(db, language) != nullptr;
  Fix fix{.safety = is_known && uses == 0 ? Safety::online : Safety::manual,
          .phase = Phase::roles,
          .sql = {fmt::format("DROP {} {}", is_extension ? "EXTENSION" : "LANGUAGE", name)}};
  if (is_extension) fix.undo = {fmt::format("CREATE EXTENSION {}", name)};
  if (uses > 0) {
    fix.note = fmt::format(
        "{} functions are written in it: somebody must rewrite or drop them first; until then "
        "grant EXECUTE on them to nobody but the roles that need them.",
        uses);
  } else if (!is_known) {
    fix.note = "Whether functions are written in it could not be seen.";
  }
  return fix;
}

void untrusted_language(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Language& each : db.languages) {
    if (each.is_trusted || each.name == "c" || each.name == "internal") continue;
    const auto uses = std::ranges::count(db.functions, each.name, &catalog::Function::language);
    out.add({.object = fmt::format("language {}", each.name),
             .message = fmt::format(
                 "functions in {} run as the server's account on its machine ({} exist)", each.name,
                 uses),
             .evidence = Json{{"language", each.name}, {"functions", std::int64_t{uses}}},
             .fix = drop_language(db, each.name)});
  }
}

struct Dangerous {
  std::string_view name;
  std::string_view what;
};
constexpr auto kDangerous = std::to_array<Dangerous>({
    {"adminpack", "writes files of the server's machine"},
    {"dblink", "opens connections from the server, with passwords in SQL text"},
    {"file_fdw", "reads files and starts programs on the server's machine"},
    {"http", "sends requests into the server's network"},
    {"plsh", "runs shell scripts on the server's machine"},
    {"xml2", "reads files through XSLT"},
});

void dangerous_extension(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Dangerous& each : kDangerous) {
    const catalog::Extension* const extension = find_extension(db, each.name);
    if (extension == nullptr) continue;
    out.add(
        {.object = fmt::format("extension {}", each.name),
         .message = fmt::format("{} {}", each.name, each.what),
         .evidence = Json{{"extension", each.name},
                          {"version", extension->version},
                          {"schema", extension->schema}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::roles,
             .sql = {fmt::format("DROP EXTENSION {}", postgres::quote_identifier(each.name))},
             .note =
                 "Function bodies and applications call it by text that no catalog shows: find out "
                 "who does, then run this, or keep it and revoke EXECUTE on its functions from "
                 "PUBLIC."}});
  }
}

constexpr Rule kExtensionRules[] = {
    {.id = "pg-stat-statements-missing",
     .title = "pg_stat_statements is missing",
     .why = "Nobody knows which queries take the time: every tuning is a guess.",
     .how = "Add it to shared_preload_libraries and restart, then CREATE EXTENSION.",
     .source = "PostgreSQL manual, pgstatstatements; PgHero",
     .severity = Severity::warning,
     .area = Area::extensions,
     .needs = Facts::settings | Facts::extensions,
     .judge = pg_stat_statements_missing},
    {.id = "pg-stat-statements-evicting",
     .title = "pg_stat_statements throws entries out",
     .why = "The figures of rare and slow queries are lost, and each eviction stops all sessions "
            "for a moment.",
     .how = "Send parameters in place of literals; raise pg_stat_statements.max.",
     .source = "PostgreSQL manual, pgstatstatements: pg_stat_statements_info",
     .severity = Severity::warning,
     .area = Area::extensions,
     .needs = Facts::statements | Facts::settings,
     .version_min = 14,
     .judge = pg_stat_statements_evicting},
    {.id = "extension-outdated",
     .title = "An extension is older than what the server brings",
     .why = "The new library runs with old SQL definitions: its fixes, security ones too, are only "
            "half there.",
     .how = "ALTER EXTENSION ... UPDATE.",
     .source = "PostgreSQL manual, sql-alterextension; splinter",
     .severity = Severity::warning,
     .area = Area::extensions,
     .needs = Facts::extensions,
     .judge = extension_outdated},
    {.id = "extension-in-public",
     .title = "An extension is installed in schema public",
     .why =
         "Its functions hide or collide with the application's, and are granted along with them.",
     .how = "A schema of its own, on the search_path of the roles that use it.",
     .source = "PostgreSQL manual, extend-extensions; splinter",
     .severity = Severity::info,
     .area = Area::extensions,
     .needs = Facts::extensions,
     .judge = extension_in_public},
    {.id = "untrusted-language",
     .title = "An untrusted procedural language is installed",
     .why = "Whoever gets to define or change a function in it owns the server's machine.",
     .how = "Drop it, or keep its functions few and their EXECUTE revoked from PUBLIC.",
     .source = "PostgreSQL manual, sql-createlanguage: TRUSTED",
     .severity = Severity::warning,
     .area = Area::extensions,
     .needs = Facts::languages,
     .judge = untrusted_language},
    {.id = "dangerous-extension",
     .title = "An extension reaches out of the database",
     .why =
         "With it an SQL injection becomes access to files, programs or the network of the server.",
     .how = "Drop it where nobody uses it; else revoke its functions from PUBLIC.",
     .source = "PostgreSQL manual, contrib: file-fdw, dblink, adminpack",
     .severity = Severity::warning,
     .area = Area::extensions,
     .needs = Facts::extensions,
     .judge = dangerous_extension},
};

} // namespace

const std::span<const Rule> extension_rules{kExtensionRules};

} // namespace pgkeep::audit
