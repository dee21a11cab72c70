#include "migrate/repair_indexes.h"

#include <fmt/format.h>

#include "lint/relation_name.h"
#include "migrate/steps.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using postgres::Node;

/// INVALID indexes of a table: those of the name, or with is_rebuild those that REINDEX makes.
constexpr std::string_view kInvalid = R"(
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = pg_catalog.to_regclass($1) AND NOT i.indisvalid AND c.relkind = 'i'
   AND (c.relname = $2 OR ($2 = '' AND c.relname ~ '_cc(new|old)[0-9]*$'))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                    WHERE p.index_relid = c.oid)
 ORDER BY c.relname)";

struct Build {
  std::string table;
  std::string index; ///< Empty: what REINDEX leaves.
};

std::vector<Build> builds_of(const Source& source, int server_major) {
  std::vector<Build> builds;
  const auto steps = steps_of(source, nullptr, server_major);
  if (!steps) return builds;
  for (const Step& step : *steps) {
    if (step.kind != StepKind::alone) continue;
    const Node root = step.statements.front().statement->root;
    const bool is_create = root.is("IndexStmt");
    if (!is_create && !root.is("ReindexStmt")) continue;
    const std::string index(root.text("idxname"));
    if (is_create && index.empty()) continue; // The server made up its name: it may be anybody's.
    builds.push_back({.table = lint::relation_of(root.node("relation")).text(), .index = index});
  }
  return builds;
}

} // namespace

base::Result<std::vector<std::string>>
invalid_indexes(postgres::Connection& server, const HistoryRow& row, const Values& values) {
  std::vector<std::string> found;
  const bool is_down = row.state == State::undoing;
  const Source source =
      read_source(row.file, is_down ? row.down_text : row.text, is_down, {}, values);
  for (const Build& build : builds_of(source, server.version().major())) {
    const std::optional<std::string> parameters[] = {build.table, build.index};
    PGKEEP_TRY(const postgres::Rows rows, server.query(std::string(kInvalid), parameters));
    for (int at = 0; at < rows.count(); ++at)
      found.push_back(postgres::quote_qualified(rows.text(at, 0), rows.text(at, 1)));
  }
  return found;
}

} // namespace pgkeep::migrate
