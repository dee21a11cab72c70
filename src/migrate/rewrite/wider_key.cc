// A primary key that only gets room for more.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/rewrite/dependents.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::quote_identifier;

/// 0: no integer.
int bytes_of_integer(std::string_view type) {
  if (type == "smallint" || type == "int2") return 2;
  if (type == "integer" || type == "int" || type == "int4") return 4;
  return type == "bigint" || type == "int8" ? 8 : 0;
}

} // namespace

bool is_widened_key(const Work& work, const Target& table, const catalog::Column& column,
                    const TypeCommand& command) {
  const int bytes = bytes_of_integer(column.type);
  const bool is_wider = bytes > 0 && bytes_of_integer(base::to_lower(command.type)) > bytes;
  if (!is_wider || !command.using_expression.empty()) return false;
  const catalog::Snapshot& db = *work.database();
  const bool is_published =
      std::ranges::any_of(db.published_tables, [&](const catalog::PublishedTable& each) {
        return each.relation == table.relation->oid;
      });
  return !is_published &&
         std::ranges::any_of(db.indexes_of(table.relation->oid), [&](const catalog::Index& each) {
           return each.is_primary && has(each.columns, column.number);
         });
}

void say_references(const Work& work, const Target& table, const catalog::Column& column,
                    const TypeCommand& command) {
  const catalog::Snapshot& db = *work.database();
  for (const catalog::Constraint& each : db.constraints) {
    const bool is_reference = each.type == "f" && each.target == table.relation->oid &&
                              each.relation != table.relation->oid && !each.is_inherited;
    if (!is_reference || !has(each.target_columns, column.number)) continue;
    const catalog::Relation* const owner = db.relation(each.relation);
    for (std::size_t i = 0; owner != nullptr && i < each.columns.size(); ++i) {
      if (each.target_columns[i] != column.number) continue;
      const catalog::Column* const referring = db.column(each.relation, each.columns[i]);
      if (referring == nullptr || referring->type == command.type) continue;
      work.changed(fmt::format("{}.{} refers to it and is {}: change it as well",
                               catalog::qualified_name(*owner), quote_identifier(referring->name),
                               referring->type));
    }
  }
}

} // namespace pgkeep::migrate::rewriting
