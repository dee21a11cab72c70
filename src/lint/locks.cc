#include "lint/locks.h"

#include <algorithm>

#include "lint/context.h"

namespace pgkeep::lint {

std::vector<StatementLocks> locks_of(const Script& script, const Section& section,
                                     const catalog::Snapshot* database, int server_major) {
  const findings::Limits limits;
  const std::function<bool(std::string_view)> nobody_parses;
  const std::function<postgres::QueryCheck(const std::string&)> nobody_prepares;
  const std::vector<std::string> no_columns;
  const FilePaths no_paths{{}};
  Schema schema(database);
  Context context{{.script = script,
                   .section = section,
                   .limits = limits,
                   .server_major = server_major,
                   .database = database,
                   .server_parses = nobody_parses,
                   .prepare = nobody_prepares,
                   .mandatory_columns = no_columns,
                   .paths = no_paths},
                  schema};
  std::vector<StatementLocks> found;
  for (const Statement& statement : section.statements) {
    if (statement.origin == Origin::function) continue;
    if (statement.origin == Origin::text || found.empty())
      found.push_back({.statement = &statement, .effects = {}});
    StatementLocks& locks = found.back();
    locks.is_unknown |= !statement.root || statement.is_opaque;
    for (const Change& change : statement.changes) {
      for (Effect& effect : effects_of(change, context)) {
        const TableState* const table = schema.find(effect.relation);
        const bool is_own = table != nullptr && (table->is_created_here || table->is_temporary);
        if (!is_own) locks.effects.push_back(std::move(effect));
      }
      if (change.operation == Operation::create_domain)
        context.domains_in_transaction.emplace_back(change);
    }
    for (const Change& change : statement.changes)
      schema.apply(change);
  }
  return found;
}

} // namespace pgkeep::lint
