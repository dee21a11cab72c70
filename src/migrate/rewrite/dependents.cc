#include "migrate/rewrite/dependents.h"

#include <algorithm>

#include <fmt/format.h>

#include "migrate/rewrite/carry.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

constexpr std::string_view kCopyLabel = "pgkeep_new";

/// "CHECK (c > 0)" with another column; `list`: as ColumnChange's.
std::string definition_with(const catalog::Constraint& constraint, const ColumnChange& change) {
  constexpr std::string_view head = "ALTER TABLE x ADD ";
  std::string sql = with_column(fmt::format("{}{}", head, constraint.definition), change);
  sql.erase(0, head.size());
  constexpr std::string_view mark = " NOT VALID";
  if (sql.ends_with(mark)) sql.resize(sql.size() - mark.size());
  return sql;
}

} // namespace

bool has(const std::vector<std::int32_t>& numbers, std::int32_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

std::vector<IndexCopy> copy_indexes(const Work& work, const Target& table,
                                    const catalog::Column& column, const std::string& other) {
  std::vector<IndexCopy> copies;
  const catalog::Snapshot& db = *work.database();
  for (const catalog::Index& index : db.indexes_of(table.relation->oid)) {
    std::string sql =
        with_column(index.definition, {.from = column.name, .to = other, .is_in_lists = true});
    if (sql == index.definition) continue;
    IndexCopy copy{.index = &index,
                   .name = work.names.choose(index.schema, index.name, "", kCopyLabel)};
    for (const catalog::Constraint& each : db.constraints_of(table.relation->oid)) {
      const bool is_carried = each.index == index.oid && (each.type == "p" || each.type == "u");
      if (is_carried) copy.constraint = &each;
    }
    // CREATE [UNIQUE] INDEX name ON ...
    const Words words(sql);
    const std::size_t word = words.find("index", 0);
    if (word == words.count()) continue;
    sql.replace(words.begin_of(word), words.end_of(word + 1) - words.begin_of(word),
                fmt::format("INDEX CONCURRENTLY {}", postgres::quote_identifier(copy.name)));
    // pg_get_indexdef() does not say where the index lies.
    if (const auto* space =
            definition_value(db, "index", catalog::qualified_name(index), "tablespace")) {
      const Words made(sql);
      const std::size_t where = made.find("where", 0);
      sql.insert(where == made.count() ? sql.size() : made.begin_of(where) - 1,
                 fmt::format(" TABLESPACE {}", postgres::quote_identifier(*space)));
    }
    copy.create = std::move(sql);
    copies.push_back(std::move(copy));
  }
  return copies;
}

std::vector<ConstraintCopy> copy_constraints(const Work& work, const Target& table,
                                             const catalog::Column& column,
                                             const std::string& other) {
  std::vector<ConstraintCopy> copies;
  for (const catalog::Constraint& each : work.database()->constraints_of(table.relation->oid)) {
    const bool is_key = each.type == "f";
    if ((each.type != "c" && !is_key) || !has(each.columns, column.number)) continue;
    ColumnChange change{.from = column.name, .to = other, .is_in_lists = is_key, .list = 0};
    copies.push_back({.constraint = &each,
                      .owner = table,
                      .name = work.names.choose(table.schema, each.name, "", kCopyLabel),
                      .definition = definition_with(each, change)});
  }
  return copies;
}

std::vector<ConstraintCopy> copy_references(const Work& work, const Target& table,
                                            const catalog::Column& column,
                                            const std::string& other) {
  std::vector<ConstraintCopy> copies;
  for (const catalog::Constraint& each : work.database()->constraints) {
    const bool is_it = each.type == "f" && each.target == table.relation->oid &&
                       has(each.target_columns, column.number) && !each.is_inherited;
    const catalog::Relation* const owner =
        is_it ? work.database()->relation(each.relation) : nullptr;
    if (owner == nullptr) continue;
    // One of the column to itself is among the table's own.
    if (each.relation == table.relation->oid && has(each.columns, column.number)) continue;
    ColumnChange change{.from = column.name, .to = other, .is_in_lists = true, .list = 1};
    copies.push_back({.constraint = &each,
                      .owner = work.target({.schema = owner->schema, .name = owner->name}),
                      .name = work.names.choose(owner->schema, each.name, "", kCopyLabel),
                      .definition = definition_with(each, change)});
  }
  return copies;
}

} // namespace pgkeep::migrate::rewriting
