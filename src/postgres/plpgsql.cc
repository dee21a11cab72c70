#include "postgres/plpgsql.h"

#include <array>

#include "base/json.h"
#include "postgres/parser_input.h"

namespace pgkeep::postgres {
namespace {

using base::Json;
using Parsed = Owned<PgQueryPlpgsqlParseResult, pg_query_free_plpgsql_parse_result>;

/// Nodes of libpg_query's JSON that run SQL, and the member that holds it.
struct Runner {
  std::string_view node;
  std::string_view member;
  bool is_dynamic = false;
};
constexpr auto kRunners = std::to_array<Runner>({
    {"PLpgSQL_stmt_execsql", "sqlstmt"},
    {"PLpgSQL_stmt_perform", "expr"},
    {"PLpgSQL_stmt_fors", "query"},
    {"PLpgSQL_stmt_return_query", "query"},
    {"PLpgSQL_stmt_open", "query"},
    {"PLpgSQL_stmt_dynexecute", "query", true},
    {"PLpgSQL_stmt_dynfors", "query", true},
});

void collect(const Json& json, std::vector<PlpgsqlStatement>& out) {
  if (const Json::Array* const items = json.as_array()) {
    for (const Json& item : *items)
      collect(item, out);
    return;
  }
  const Json::Object* const members = json.as_object();
  if (members == nullptr) return;
  for (const auto& [name, value] : *members) {
    for (const Runner& runner : kRunners) {
      if (name != runner.node) continue;
      const Json* const holder = value.find(runner.member);
      const Json* const expression = holder == nullptr ? nullptr : holder->find("PLpgSQL_expr");
      const Json* const query = expression == nullptr ? nullptr : expression->find("query");
      if (query == nullptr || query->as_string() == nullptr) continue;
      PlpgsqlStatement statement{.sql = *query->as_string(), .is_dynamic = runner.is_dynamic};
      const Json* const line = value.find("lineno");
      if (line != nullptr && line->as_int() != nullptr)
        statement.line = static_cast<int>(*line->as_int());
      out.push_back(std::move(statement));
    }
    collect(value, out);
  }
}

} // namespace

base::Result<std::vector<PlpgsqlStatement>> plpgsql_statements(std::string_view definition) {
  PGKEEP_CHECK(check_input(definition));
  const std::string text(definition);
  PGKEEP_CHECK(check_depth(text));
  const Parsed parsed(pg_query_parse_plpgsql(text.c_str()));
  if (parsed->error != nullptr) return unsupported(definition, *parsed->error);
  const auto json = base::parse_json(parsed->plpgsql_funcs);
  if (!json)
    return base::Error{.code = base::Code::unsupported, .what = "the body is nested too deeply"};
  std::vector<PlpgsqlStatement> statements;
  collect(*json, statements);
  return statements;
}

} // namespace pgkeep::postgres
