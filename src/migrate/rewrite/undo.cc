// The way back of statements that need no rewriting, as far as their text says one; for the others
// a comment says that there is none, so that the author sees it.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using lint::Operation;
using postgres::Node;
using postgres::quote_identifier;

constexpr std::size_t kCommentColumns = 80;

std::string not_undone(std::string_view sql) {
  std::string line;
  for (const char c : sql) {
    const bool is_blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_blank || !line.ends_with(' ')) line += is_blank ? ' ' : c;
  }
  return fmt::format("-- Not undone here: {}", base::ellipsize(line, kCommentColumns));
}

std::string loses(const Target& table, std::string_view column, std::string_view what,
                  std::string_view statement) {
  const std::string place =
      column.empty() ? table.text : fmt::format("{}.{}", table.text, quote_identifier(column));
  return fmt::format("-- pgkeep:loses {}: {}\n{}", place, what, statement);
}

/// Statements that leave nothing to undo.
bool is_nothing(Operation operation) {
  return operation == Operation::set || operation == Operation::reset ||
         operation == Operation::transaction || operation == Operation::select ||
         operation == Operation::validate_constraint || operation == Operation::reindex ||
         operation == Operation::vacuum || operation == Operation::vacuum_full ||
         operation == Operation::cluster || operation == Operation::lock_table ||
         operation == Operation::refresh_matview;
}

std::string schema_of(const Target& table) {
  return table.schema.empty() ? "" : quote_identifier(table.schema) + ".";
}

/// Of statements about a table or something beside it; empty where the text does not say.
std::string undo_sql(const Target& table, const lint::Change& change) {
  const std::string alter = alter_table(table);
  const std::string name = quote_identifier(change.name);
  switch (change.operation) {
  case Operation::create_table:
  case Operation::create_table_as:
  case Operation::create_partition_of:
    return loses(table, "", "all its rows", fmt::format("DROP TABLE {}", table.text));
  case Operation::create_view:
    return fmt::format("DROP VIEW {}", table.text);
  case Operation::create_matview:
    return fmt::format("DROP MATERIALIZED VIEW {}", table.text);
  case Operation::create_sequence:
    return fmt::format("DROP SEQUENCE {}", table.text);
  case Operation::create_schema:
    return fmt::format("DROP SCHEMA {}", name);
  case Operation::create_extension:
    return fmt::format("DROP EXTENSION {}", name);
  case Operation::create_trigger:
    return fmt::format("DROP TRIGGER {} ON {}", name, table.text);
  case Operation::create_policy:
    return fmt::format("DROP POLICY {} ON {}", name, table.text);
  case Operation::add_column:
    return loses(table, change.name, "the column and what was written to it",
                 fmt::format("{} DROP COLUMN {}", alter, name));
  case Operation::set_not_null:
    return fmt::format("{} ALTER COLUMN {} DROP NOT NULL", alter, name);
  case Operation::add_check:
  case Operation::add_foreign_key:
  case Operation::add_unique:
  case Operation::add_primary_key:
    if (change.node.text("conname").empty()) return {};
    return fmt::format("{} DROP CONSTRAINT {}", alter,
                       quote_identifier(change.node.text("conname")));
  case Operation::rename_table:
    return fmt::format("ALTER TABLE {}{} RENAME TO {}", schema_of(table),
                       quote_identifier(change.other.name), quote_identifier(table.name.name));
  case Operation::rename_column:
    return fmt::format("{} RENAME COLUMN {} TO {}", alter, quote_identifier(change.other.name),
                       name);
  case Operation::rename_constraint:
    return fmt::format("{} RENAME CONSTRAINT {} TO {}", alter, quote_identifier(change.other.name),
                       name);
  default:
    return {};
  }
}

/// The text of the statement is no help: what stood before must be known.
bool is_add_default(const Work& work, const Target& table, const lint::Change& change) {
  if (change.operation != Operation::set_default || work.database() == nullptr) return false;
  const catalog::Column* const column = table.column(*work.database(), change.name);
  return column != nullptr && column->default_expression.empty();
}

} // namespace

Pieces undo_of(const Work& work, const Target& table, const lint::Change& change) {
  if (is_nothing(change.operation) || change.is_inside_create) return {};
  if (is_add_default(work, table, change))
    return {{.text = fmt::format("{} ALTER COLUMN {} DROP DEFAULT", alter_table(table),
                                 quote_identifier(change.name))}};
  std::string sql = undo_sql(table, change);
  if (sql.empty()) return {{.text = not_undone(work.sql())}};
  return {{.text = std::move(sql)}};
}

Pieces undo_of(const Work& work) {
  Pieces all;
  const Node& root = work.statement.root;
  if (!root) return {{.text = not_undone(work.sql())}};
  for (const lint::Change& change : work.statement.changes) {
    const Target table = work.target(change.relation);
    // Goes with its table, or with its column.
    const bool is_new = table.state != nullptr && table.state->is_created_here;
    const bool makes_table = change.operation == Operation::create_table ||
                             change.operation == Operation::create_table_as ||
                             change.operation == Operation::create_partition_of;
    const bool is_behind_column = change.node.is("Constraint") && !change.name.empty() &&
                                  change.node.text("conname") != change.name;
    if (is_behind_column || (is_new && !makes_table && change.relation)) continue;
    if (change.operation == Operation::create_index && !change.name.empty()) {
      all.push_back(
          {.text = fmt::format("DROP INDEX CONCURRENTLY IF EXISTS {}", table.beside(change.name)),
           .place = Place::alone});
      continue;
    }
    std::ranges::move(undo_of(work, table, change), std::back_inserter(all));
  }
  std::ranges::reverse(all);
  return all;
}

} // namespace pgkeep::migrate::rewriting
