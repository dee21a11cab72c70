// Columns are taken by name, not by place: one that went and came back stands last.
#include "migrate/rehearsal_rows.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

struct Table {
  std::string schema;
  std::string name;
  std::vector<std::string> columns;
};

std::string sum_sql(const Table& table) {
  std::vector<std::string> names;
  std::string sums;
  for (const std::string& column : table.columns) {
    names.push_back("t." + postgres::quote_identifier(column));
    sums += fmt::format(
        ", pg_catalog.sum(coalesce(pg_catalog.hashtextextended({}::text, 0), 1)::numeric)",
        names.back());
  }
  return fmt::format("SELECT pg_catalog.count(*), coalesce(pg_catalog.md5(pg_catalog.string_agg("
                     "pg_catalog.md5(ROW({0})::text), '' ORDER BY pg_catalog.md5(ROW({0})::text))),"
                     " ''){1} FROM ONLY {2} t",
                     base::join(names, ", "), sums,
                     postgres::quote_qualified(table.schema, table.name));
}

base::Result<std::vector<Table>> read_tables(postgres::Connection& database) {
  PGKEEP_TRY(
      const postgres::Rows rows,
      database.query("SELECT n.nspname, c.relname, ARRAY(SELECT a.attname::text FROM pg_attribute "
                     "a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY "
                     "a.attname COLLATE \"C\") FROM pg_class c JOIN pg_namespace n ON n.oid = "
                     "c.relnamespace WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', "
                     "'information_schema', 'pgkeep') AND n.nspname !~ '^pg_' ORDER BY 1, 2"));
  std::vector<Table> tables;
  tables.reserve(static_cast<std::size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row)
    tables.push_back({.schema = std::string(rows.text(row, 0)),
                      .name = std::string(rows.text(row, 1)),
                      .columns = postgres::parse_array(rows.text(row, 2))});
  return tables;
}

/// "orders" of "public.orders".
std::string without_schema(const std::string& table) {
  const std::size_t dot = table.find('.');
  return dot == std::string::npos ? table : table.substr(dot + 1);
}

bool has_column_loss(const std::vector<Loss>& losses, const std::string& table,
                     const TableSum& sum) {
  return std::ranges::any_of(
      sum.columns, [&](const auto& column) { return is_declared(losses, table, column.first); });
}

} // namespace

base::Result<RowSums> sum_rows(postgres::Connection& database) {
  RowSums sums;
  PGKEEP_TRY(const std::vector<Table> tables, read_tables(database));
  for (const Table& table : tables) {
    PGKEEP_TRY(const postgres::Rows rows, database.query(sum_sql(table)));
    TableSum sum;
    const std::string_view count = rows.text(0, 0);
    std::from_chars(count.data(), count.data() + count.size(), sum.count);
    sum.digest = rows.text(0, 1);
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      sum.columns[table.columns[i]] = rows.text(0, static_cast<int>(i) + 2);
    sums[table.schema + "." + table.name] = std::move(sum);
  }
  return sums;
}

std::vector<Loss> losses_of(const Source& source) {
  std::vector<Loss> losses;
  const auto add = [&](const lint::Directive& directive) {
    if (directive.name != "loses") return;
    const std::size_t colon = directive.text.find(':');
    Loss loss{.what = std::string(base::trim(directive.text.substr(0, colon))), .reason = {}};
    if (colon != std::string::npos) loss.reason = base::trim(directive.text.substr(colon + 1));
    losses.push_back(std::move(loss));
  };
  for (const lint::Section* const section : source.sections()) {
    for (const lint::Statement& statement : section->statements)
      std::ranges::for_each(statement.directives, add);
    std::ranges::for_each(section->stray_directives, add);
  }
  return losses;
}

bool is_declared(const std::vector<Loss>& losses, const std::string& table,
                 const std::string& column) {
  const std::string name = without_schema(table);
  return std::ranges::any_of(losses, [&](const Loss& loss) {
    if (loss.what == table || loss.what == name) return true;
    return !column.empty() && (loss.what == fmt::format("{}.{}", table, column) ||
                               loss.what == fmt::format("{}.{}", name, column));
  });
}

std::vector<std::string> compare_rows(const RowSums& before, const RowSums& after,
                                      const std::vector<Loss>& losses) {
  std::vector<std::string> lines;
  for (const auto& [table, was] : before) {
    const auto found = after.find(table);
    if (found == after.end() || is_declared(losses, table, "")) continue;
    const TableSum& is = found->second;
    if (was.count != is.count) {
      lines.push_back(fmt::format("{}: {} rows before, {} after", table,
                                  base::human_count(was.count), base::human_count(is.count)));
      continue;
    }
    std::vector<std::string> changed;
    bool has_same_columns = was.columns.size() == is.columns.size();
    for (const auto& [column, sum] : was.columns) {
      const auto other = is.columns.find(column);
      if (other == is.columns.end()) {
        has_same_columns = false;
      } else if (other->second != sum && !is_declared(losses, table, column)) {
        changed.push_back(column);
      }
    }
    if (!changed.empty()) {
      lines.push_back(fmt::format("{}: other values in {} ({} rows)", table,
                                  base::join(changed, ", "), base::human_count(was.count)));
    } else if (has_same_columns && was.digest != is.digest &&
               !has_column_loss(losses, table, was)) {
      lines.push_back(fmt::format("{}: values stand in other rows", table));
    }
  }
  return lines;
}

std::vector<std::string> compare_counts(const RowSums& before, const RowSums& after,
                                        const std::vector<Loss>& losses) {
  std::vector<std::string> lines;
  for (const auto& [table, was] : before) {
    const auto found = after.find(table);
    if (found == after.end() || found->second.count == was.count) continue;
    if (is_declared(losses, table, "")) continue;
    lines.push_back(fmt::format("{}: {} rows the first time, {} the second", table,
                                base::human_count(was.count),
                                base::human_count(found->second.count)));
  }
  return lines;
}

} // namespace pgkeep::migrate
