#include "sandbox/like.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"
#include "sandbox/dump.h"

namespace pgkeep::sandbox {
namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

/// Of what pg_dump sets for its own session, and what servers of another version do not know.
bool may_fail(std::string_view sql) {
  return sql.starts_with("SET ") || sql.starts_with("SELECT pg_catalog.set_config");
}

} // namespace

double Live::rows_of(const std::string& schema, const std::string& name) const {
  const auto found = std::ranges::find_if(
      tables, [&](const LiveTable& table) { return table.schema == schema && table.name == name; });
  return found == tables.end() ? -1 : found->rows;
}

base::Result<Live> read_live(postgres::Connection& server) {
  Live live{.label = server.label(), .major = server.version().major()};
  PGKEEP_TRY(
      const postgres::Rows tables,
      server.query("SELECT n.nspname, c.relname, CASE WHEN c.reltuples < 0 OR c.reltuples = 0 AND "
                   "c.relpages = 0 THEN coalesce(nullif(pg_stat_get_live_tuples(c.oid), 0), "
                   "c.reltuples::bigint) ELSE c.reltuples::bigint END, c.relpages FROM pg_class c "
                   "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', "
                   "'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgkeep') AND "
                   "n.nspname !~ '^pg_(toast|temp)' ORDER BY 1, 2"));
  for (int row = 0; row < tables.count(); ++row)
    live.tables.push_back({.schema = std::string(tables.text(row, 0)),
                           .name = std::string(tables.text(row, 1)),
                           .rows = base::number_or(tables.text(row, 2), -1.0),
                           .pages = base::integer_or(tables.text(row, 3), 0)});
  PGKEEP_TRY(const postgres::Rows columns,
             server.query("SELECT schemaname || '.' || tablename || '.' || attname, avg_width, "
                          "null_frac FROM pg_stats WHERE NOT inherited AND schemaname NOT IN "
                          "('pg_catalog', 'information_schema', 'pgkeep')"));
  for (int row = 0; row < columns.count(); ++row)
    live.columns[std::string(columns.text(row, 0))] = {
        .average_width = static_cast<int>(base::integer_or(columns.text(row, 1), 0)),
        .null_fraction = base::number_or(columns.text(row, 2), 0.0)};
  PGKEEP_TRY(const postgres::Rows roles,
             server.query("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"));
  for (int row = 0; row < roles.count(); ++row)
    live.roles.emplace_back(roles.text(row, 0));
  PGKEEP_TRY(const postgres::Rows path,
             server.query("SELECT substr(s, 13) FROM pg_db_role_setting r, unnest(r.setconfig) s, "
                          "pg_database d WHERE d.oid = r.setdatabase AND d.datname = "
                          "current_database() AND r.setrole = 0 AND s LIKE 'search\\_path=%'"));
  if (path.count() > 0) live.search_path = path.text(0, 0);
  return live;
}

std::string MissingRoles::missing_in(const base::Error& error) const {
  // Sandboxes speak English.
  constexpr std::string_view front = "role \"";
  constexpr std::string_view back = "\" does not exist";
  if (error.sqlstate != "42704" || made_.size() == kRolesMax) return {};
  const std::size_t begin = error.what.find(front);
  const std::size_t end = error.what.find(back);
  if (begin == std::string::npos || end == std::string::npos || end < begin + front.size())
    return {};
  std::string role = error.what.substr(begin + front.size(), end - begin - front.size());
  return std::ranges::find(made_, role) == made_.end() ? role : std::string();
}

base::Result<> MissingRoles::make(const std::string& role) {
  PGKEEP_CHECK(create_roles({role}, sandbox_));
  made_.push_back(role);
  return {};
}

base::Result<> create_roles(const std::vector<std::string>& roles, const Sandbox& sandbox) {
  PGKEEP_TRY(postgres::Connection admin, sandbox.connect());
  PGKEEP_TRY(const postgres::Rows there, admin.query("SELECT rolname FROM pg_catalog.pg_roles"));
  std::vector<std::string> known;
  known.reserve(static_cast<std::size_t>(there.count()));
  for (int row = 0; row < there.count(); ++row)
    known.emplace_back(there.text(row, 0));
  for (const std::string& role : roles) {
    if (std::ranges::find(known, role) != known.end()) continue;
    PGKEEP_CHECK(admin.execute(fmt::format("CREATE ROLE {} NOLOGIN", quote_identifier(role))));
  }
  return {};
}

base::Result<std::vector<std::string>> copy_schema(const std::string& target,
                                                   const postgres::Connection& live,
                                                   const Live& facts, const Sandbox& sandbox,
                                                   const std::string& database) {
  PGKEEP_TRY(const std::string dump, dump_schema(target, live, sandbox.binaries().bin, {}));
  PGKEEP_CHECK(create_roles(facts.roles, sandbox));
  PGKEEP_TRY(postgres::Connection here, sandbox.connect(database));
  if (!facts.search_path.empty())
    PGKEEP_CHECK(here.execute(fmt::format("ALTER DATABASE {} SET search_path = {}",
                                          quote_identifier(database), facts.search_path)));
  std::vector<std::string> left_out;
  for (const std::string& sql : statements_of_dump(dump)) {
    const auto done = here.execute(sql);
    if (done || may_fail(sql)) continue;
    // public is there already, in every version but with other owners.
    if (done.error().sqlstate == "42P06") continue;
    if (done.error().code == base::Code::unreachable) return done.error();
    left_out.push_back(fmt::format("{}: {}", base::ellipsize(base::printable(base::trim(sql)), 80),
                                   done.error().what));
  }
  return left_out;
}

} // namespace pgkeep::sandbox
