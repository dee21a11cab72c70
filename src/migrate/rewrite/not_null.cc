// SET NOT NULL: a validated CHECK proves it, so that the server needs no scan under its strong lock
// (12 and newer). From 18 on NOT NULL could itself be NOT VALID, but the grammar that pgkeep reads
// files with (15) does not know it: lint and the runner could not judge what comes out.
#include <algorithm>

#include <fmt/format.h>

#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {

using postgres::quote_identifier;

bool is_proved_not_null(const Work& work, const Target& table, const std::string& column) {
  if (work.database() != nullptr) {
    const catalog::Column* const known = table.column(*work.database(), column);
    if (known != nullptr && known->not_null) return true;
  }
  if (work.not_null.contains(fmt::format("{}.{}", table.text, column))) return true;
  if (table.state == nullptr) return false;
  const lint::ColumnState* const state = table.state->column(column);
  if (state != nullptr && state->is_not_null) return true;
  return std::ranges::any_of(table.state->constraints, [&](const lint::ConstraintState& each) {
    return each.is_validated && each.not_null_column == column;
  });
}

void add_not_null(const Work& work, const Target& table, const std::string& column, Pieces& out) {
  const std::string alter = alter_table(table);
  const std::string quoted = quote_identifier(column);
  const std::string name =
      quote_identifier(work.names.choose(table.schema, table.name.name, column, "pgkeep_not_null"));
  out.push_back({.text = fmt::format("{} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID", alter,
                                     name, quoted)});
  out.push_back(
      {.text = fmt::format("{} VALIDATE CONSTRAINT {}", alter, name), .place = Place::own});
  // One statement would drop the proof first.
  out.push_back({.text = fmt::format("{0} ALTER COLUMN {1} SET NOT NULL;\n{0} DROP CONSTRAINT {2}",
                                     alter, quoted, name),
                 .place = Place::own});
}

} // namespace pgkeep::migrate::rewriting
