#include "migrate/baseline/foreign.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

/// Tables with one of these names, and their columns.
constexpr std::string_view kTables = R"(
SELECT n.nspname, c.relname,
       array_to_string(ARRAY(SELECT a.attname FROM pg_attribute a
                              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
                       ' '),
       array_to_string(ARRAY(SELECT o.relname FROM pg_class o
                              WHERE o.relnamespace = c.relnamespace AND o.relkind = 'r'
                                AND o.relname = ANY($1::text[])), ' ')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
   AND n.nspname NOT IN ('information_schema', 'pgkeep')
   AND c.relname = ANY($1::text[])
 ORDER BY n.nspname <> 'public', n.nspname, c.relname)";

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool fits(const Tool& tool, std::string_view table, const std::vector<std::string>& columns,
          const std::vector<std::string>& beside, bool is_wanted) {
  if (!has(base::split_words(tool.tables), table)) return false;
  const std::vector<std::string> needed = base::split_words(tool.columns);
  const bool has_all =
      std::ranges::all_of(needed, [&](const std::string& column) { return has(columns, column); });
  if (!has_all || (tool.has_no_others && columns.size() != needed.size())) return false;
  return tool.beside.empty() || is_wanted || has(beside, tool.beside);
}

/// Every name that detection looks for, as an array of the server's.
std::string names_to_look_for() {
  std::string names;
  for (const Tool& tool : known_tools()) {
    for (const std::string& name : base::split_words(tool.tables))
      names += (names.empty() ? "" : ",") + name;
    if (!tool.beside.empty()) names += fmt::format(",{}", tool.beside);
  }
  return "{" + names + "}";
}

ForeignState state_of(std::string_view text) {
  if (text == "through") return ForeignState::through;
  return text == "applied" ? ForeignState::applied : ForeignState::failed;
}

} // namespace

std::string ForeignRow::label() const {
  const bool says_version = !version.empty() && !name.starts_with(version);
  std::string text = says_version ? version : "";
  for (const std::string& part : {name, note}) {
    if (!part.empty()) text += (text.empty() ? "" : " ") + base::printable(part);
  }
  return text;
}

base::Result<std::vector<ForeignTable>> find_foreign(postgres::Connection& server,
                                                     std::string_view wanted) {
  const std::optional<std::string> names[] = {names_to_look_for()};
  PGKEEP_TRY(const postgres::Rows rows, server.query(std::string(kTables), names));
  std::vector<ForeignTable> found;
  for (int row = 0; row < rows.count(); ++row) {
    const std::vector<std::string> columns = base::split_words(rows.text(row, 2));
    const std::vector<std::string> beside = base::split_words(rows.text(row, 3));
    const auto tools = known_tools();
    const auto tool = std::ranges::find_if(tools, [&](const Tool& each) {
      const bool is_wanted = each.name == wanted;
      if (!wanted.empty() && !is_wanted) return false;
      return fits(each, rows.text(row, 1), columns, beside, is_wanted);
    });
    if (tool == tools.end()) continue;
    found.push_back({.tool = &*tool,
                     .schema = std::string(rows.text(row, 0)),
                     .name = std::string(rows.text(row, 1))});
  }
  return found;
}

base::Result<std::vector<ForeignRow>> read_foreign(postgres::Connection& server,
                                                   const ForeignTable& table) {
  const std::string sql = base::replace_all(std::string(table.tool->rows), "{}",
                                            postgres::quote_qualified(table.schema, table.name));
  PGKEEP_TRY(const postgres::Rows rows, server.query(sql));
  std::vector<ForeignRow> found;
  for (int row = 0; row < rows.count(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    found.push_back({.version = text(0),
                     .name = text(1),
                     .other = text(2),
                     .state = state_of(rows.text(row, 3)),
                     .note = text(4)});
  }
  return found;
}

} // namespace pgkeep::migrate
