// Parse and Describe by the protocol tell whether it can be prepared. The plan is that of an SQL
// PREPARE under force_generic_plan, on all versions: EXPLAIN (GENERIC_PLAN) is there since 16 and
// would be a second way. The text goes to SQL only after Parse has taken it as one statement.
#include "postgres/query_check.h"

#include <fmt/format.h>

#include "postgres/conn.h"

namespace pgkeep::postgres {
namespace {

constexpr std::string_view kPrepared = "pgkeep_query";
constexpr int kParametersMax = 1000; ///< More NULLs than a query by hand has.

bool is_lost(const base::Error& error) {
  return error.code == base::Code::unreachable || error.code == base::Code::cancelled ||
         (error.code == base::Code::timeout && error.sqlstate.empty());
}

/// Whether the text is to blame, rather than rights, locks or limits of the moment.
bool is_of_the_text(const base::Error& error) {
  if (error.code != base::Code::sql || error.sqlstate == "42501") return false;
  const std::string_view kind = std::string_view(error.sqlstate).substr(0, 2);
  return kind == "42" || kind == "22" || kind == "0A" || kind == "3F" || kind == "54";
}

std::string plain(const base::Error& error) {
  return fmt::format("{} ({})", error.what, error.sqlstate);
}

/// In an open transaction, which it may leave failed.
base::Result<std::string> plan_of(Connection& server, const std::string& sql, int parameters) {
  PGKEEP_CHECK(server.execute("SET LOCAL enable_seqscan = off;"
                              "SET LOCAL plan_cache_mode = force_generic_plan;"
                              "SET LOCAL enable_partition_pruning = off")); // NULL prunes all.
  PGKEEP_CHECK(server.query(fmt::format("PREPARE {} AS {}", kPrepared, sql)));
  PGKEEP_CHECK(server.execute("SAVEPOINT pgkeep_plan"));
  std::string nulls;
  for (int i = 0; i < parameters; ++i)
    nulls += i == 0 ? "(NULL" : ", NULL";
  if (!nulls.empty()) nulls += ')';
  auto rows =
      server.query(fmt::format("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {}{}", kPrepared, nulls));
  // The transaction's end does not forget it.
  PGKEEP_CHECK(
      server.execute(fmt::format("ROLLBACK TO SAVEPOINT pgkeep_plan; DEALLOCATE {}", kPrepared)));
  if (!rows) return rows.error();
  return rows->count() == 0 ? std::string{} : std::string(rows->text(0, 0));
}

base::Result<QueryCheck> ask(Connection& server, const std::string& sql) {
  QueryCheck check;
  const auto parameters = server.prepare(sql);
  if (!parameters) {
    if (is_lost(parameters.error())) return parameters.error();
    if (is_of_the_text(parameters.error())) {
      check.refusal = parameters.error();
      check.refusal_position = server.last_error_position();
    } else {
      check.unasked = plain(parameters.error());
    }
    return check;
  }
  if (*parameters > kParametersMax) {
    check.unasked = fmt::format("it has more than {} parameters", kParametersMax);
    return check;
  }
  auto plan = plan_of(server, sql, *parameters);
  if (plan) {
    check.plan = *std::move(plan);
    return check;
  }
  if (is_lost(plan.error())) return plan.error();
  // What SQL's PREPARE does not take has no plan: that is no failure.
  if (plan.error().sqlstate != "42601") check.unasked = plain(plan.error());
  return check;
}

} // namespace

base::Result<QueryCheck> check_query(Connection& server, const std::string& sql) {
  PGKEEP_CHECK(server.query("BEGIN READ ONLY"));
  auto check = ask(server, sql);
  if (!check) return check.error();
  PGKEEP_CHECK(server.query("ROLLBACK"));
  return check;
}

} // namespace pgkeep::postgres
