#include "sandbox/live_settings.h"

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::sandbox {
namespace {

using postgres::quote_identifier;
using postgres::quote_literal;
using postgres::Rows;

/// Of pg_settings: all that is called query tuning, and what of resources costs are computed from.
constexpr std::string_view kIsOfPlanner =
    "(s.category LIKE 'Query Tuning%' OR s.name IN ('work_mem', 'hash_mem_multiplier', "
    "'max_parallel_workers_per_gather', 'max_parallel_workers', 'parallel_leader_participation')) "
    "AND "
    "s.context IN ('user', 'superuser')";

base::Result<LiveLocale> read_locale(postgres::Connection& live) {
  const int major = live.version().major();
  PGKEEP_TRY(const Rows rows,
             live.query(fmt::format(
                 "SELECT pg_encoding_to_char(encoding), datcollate, datctype, {}, {} FROM "
                 "pg_database WHERE datname = current_database()",
                 major >= 15 ? "datlocprovider" : "'c'",
                 major >= 17   ? "coalesce(datlocale, '')"
                 : major >= 15 ? "coalesce(daticulocale, '')"
                               : "''")));
  return LiveLocale{.encoding = std::string(rows.text(0, 0)),
                    .collate = std::string(rows.text(0, 1)),
                    .ctype = std::string(rows.text(0, 2)),
                    .provider = std::string(rows.text(0, 3)),
                    .locale = std::string(rows.text(0, 4))};
}

std::string locale_sql(const LiveLocale& live, int major) {
  std::string sql =
      fmt::format(" ENCODING {} LC_COLLATE {} LC_CTYPE {}", quote_literal(live.encoding),
                  quote_literal(live.collate), quote_literal(live.ctype));
  if (major >= 15 && live.provider == "i")
    sql += " LOCALE_PROVIDER icu ICU_LOCALE " + quote_literal(live.locale);
  if (major >= 17 && live.provider == "b")
    sql += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + quote_literal(live.locale);
  if (major >= 15 && live.provider == "c") sql += " LOCALE_PROVIDER libc";
  return sql;
}

} // namespace

base::Result<LiveSettings> read_settings(postgres::Connection& live) {
  LiveSettings settings;
  PGKEEP_TRY(settings.locale, read_locale(live));
  // Without a unit a value counts in the setting's own, in which pg_settings has it.
  PGKEEP_TRY(const Rows rows,
             live.query(fmt::format("SELECT s.name, s.setting FROM pg_settings s WHERE {} ORDER BY "
                                    "1",
                                    kIsOfPlanner)));
  for (int row = 0; row < rows.count(); ++row)
    settings.settings.push_back(
        {.name = std::string(rows.text(row, 0)), .value = std::string(rows.text(row, 1))});
  PGKEEP_TRY(
      const Rows roles,
      live.query(fmt::format(
          "SELECT r.rolname, s.name, split_part(c, '=', 2) FROM pg_db_role_setting d JOIN pg_roles "
          "r ON r.oid = d.setrole, unnest(d.setconfig) c JOIN pg_settings s ON s.name = "
          "split_part(c, '=', 1) WHERE d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE "
          "datname = current_database())) AND {} ORDER BY 1, 2, d.setdatabase",
          kIsOfPlanner)));
  for (int row = 0; row < roles.count(); ++row)
    settings.settings.push_back({.name = std::string(roles.text(row, 1)),
                                 .value = std::string(roles.text(row, 2)),
                                 .role = std::string(roles.text(row, 0))});
  return settings;
}

base::Result<std::optional<std::string>>
create_database_like(Sandbox& server, const std::string& database, const LiveSettings& live) {
  PGKEEP_TRY(postgres::Connection admin, server.connect());
  const auto done = admin.execute(fmt::format("CREATE DATABASE {} TEMPLATE template0{}",
                                              quote_identifier(database),
                                              locale_sql(live.locale, admin.version().major())));
  if (done) return std::optional<std::string>();
  if (done.error().code != base::Code::sql) return done.error();
  PGKEEP_CHECK(server.create_database(database));
  return std::optional(
      fmt::format("texts are sorted as in C.UTF-8 here, not as in {}{}, which this server does not "
                  "know: {}",
                  live.locale.collate,
                  live.locale.locale.empty() ? "" : fmt::format(" ({})", live.locale.locale),
                  done.error().what));
}

base::Result<std::vector<std::string>>
write_settings(const Sandbox& server, const std::string& database, const LiveSettings& live) {
  std::vector<std::string> notes;
  PGKEEP_TRY(postgres::Connection admin, server.connect());
  for (const LiveSetting& each : live.settings) {
    const std::string what =
        each.role.empty() ? fmt::format("DATABASE {}", quote_identifier(database))
                          : fmt::format("ROLE {} IN DATABASE {}", quote_identifier(each.role),
                                        quote_identifier(database));
    const auto done = admin.execute(fmt::format(
        "ALTER {} SET {} = {}", what, quote_identifier(each.name), quote_literal(each.value)));
    if (done || (done.error().sqlstate == "42704" && !each.role.empty())) continue;
    if (done.error().code != base::Code::sql) return done.error();
    notes.push_back(fmt::format("the setting {} of the live server is not known here", each.name));
  }
  return notes;
}

} // namespace pgkeep::sandbox
