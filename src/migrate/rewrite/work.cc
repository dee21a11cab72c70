#include "migrate/rewrite/work.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "lint/relations.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

/// A unique index over NOT NULL columns serves as well as a primary key.
const catalog::Index* unique_index(const catalog::Snapshot& db, const catalog::Relation& table) {
  const catalog::Index* best = nullptr;
  for (const catalog::Index& index : db.indexes_of(table.oid)) {
    if (index.is_primary) return &index;
    const bool fits =
        index.is_unique && index.is_valid && index.predicate.empty() && index.expressions.empty();
    if (!fits) continue;
    const auto keys = std::span(index.columns).first(static_cast<std::size_t>(index.key_count));
    const bool is_whole = std::ranges::all_of(keys, [&](std::int32_t number) {
      const catalog::Column* const column = db.column(table.oid, number);
      return column != nullptr && column->not_null;
    });
    if (is_whole && best == nullptr) best = &index;
  }
  return best;
}

} // namespace

std::string Target::beside(std::string_view other) const {
  return schema.empty() ? postgres::quote_identifier(other)
                        : postgres::quote_qualified(schema, other);
}

const catalog::Column* Target::column(const catalog::Snapshot& db, std::string_view wanted) const {
  if (relation == nullptr) return nullptr;
  for (const catalog::Column& each : db.columns_of(*relation)) {
    if (each.name == wanted) return &each;
  }
  return nullptr;
}

Target Work::target(const lint::RelationName& name) const {
  Target table{.name = name,
               .text = name.text(),
               .schema = name.schema,
               .relation = lint::relation_in(context, name),
               .state = context.schema.find(name)};
  if (table.relation != nullptr) {
    table.schema = table.relation->schema;
    table.name.schema = table.schema;
    table.text = table.name.text();
  }
  return table;
}

std::string alter_table(const Target& table) {
  return fmt::format("ALTER TABLE {}{}", table.is_only ? "ONLY " : "", table.text);
}

std::optional<std::string> batch_key(const Work& work, const Target& table) {
  std::vector<std::string> columns;
  if (table.relation != nullptr) {
    const catalog::Index* const index = unique_index(*work.database(), *table.relation);
    if (index == nullptr) return std::nullopt;
    for (const std::int32_t number :
         std::span(index->columns).first(static_cast<std::size_t>(index->key_count))) {
      const catalog::Column* const column = work.database()->column(table.relation->oid, number);
      if (column != nullptr) columns.push_back(postgres::quote_identifier(column->name));
    }
  } else if (table.state != nullptr && table.state->primary_key() != nullptr) {
    for (const std::string& each : table.state->primary_key()->columns)
      columns.push_back(postgres::quote_identifier(each));
  }
  if (columns.empty()) {
    work.changed(fmt::format("the key of {} is not known here, and taken to be id: look at the "
                             "pgkeep:batch, or give --database",
                             table.text));
    return "id";
  }
  return base::join(columns, ",");
}

std::string in_batches(const std::string& key, std::string_view statement) {
  return fmt::format("-- pgkeep:batch key={} size=2000\n{}", key, statement);
}

std::string in_shadow(std::string_view statement) {
  return fmt::format("-- pgkeep:shadow\n{}", statement);
}

} // namespace pgkeep::migrate::rewriting
