// What a house asks of its tables: columns that all have, names that hold for ever.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;
using postgres::Node;

void mandatory_columns(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  const std::vector<std::string>& wanted = subject.around.mandatory_columns;
  if (wanted.empty() || root.node("partbound") || makes_temporary(root) ||
      !are_columns_listed(root))
    return;
  std::vector<std::string> missing;
  for (const std::string& name : wanted) {
    const bool is_there = std::ranges::any_of(
        columns_of(subject), [&](const ColumnChange& each) { return each.name == name; });
    if (!is_there) missing.push_back(postgres::quote_identifier(name));
  }
  if (missing.empty()) return;
  const RelationName table = relation_of(root.node("relation"));
  out.add(place_of(subject, root.node("relation")),
          {.object = table.text(),
           .message = fmt::format("{} has no {}, which pgkeep.toml asks of every table",
                                  table.text(), enumerate(missing)),
           .evidence = Json{{"missing", Json::list(missing)}, {"wanted", Json::list(wanted)}},
           .fix = write_instead(fmt::format("Write the {} in, or set the rule aside for this "
                                            "table with a reason",
                                            missing.size() == 1 ? "column" : "columns"))});
}

/// What a name says of a place or a time, as its last word: "_2024" may follow.
constexpr auto kPassing =
    std::to_array<std::string_view>({"prod", "production", "staging", "stage", "test", "dev", "tmp",
                                     "temp", "old", "backup", "bak"});

std::string_view passing_word(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  while (true) {
    const std::size_t bar = name.rfind('_');
    if (bar == std::string_view::npos || bar == 0) return {};
    const std::string_view last = name.substr(bar + 1);
    const auto found = std::ranges::find(kPassing, last);
    if (found != kPassing.end()) return *found;
    if (!std::ranges::all_of(last, is_digit)) return {};
    name = name.substr(0, bar);
  }
}

/// "prod_sales".
std::string_view passing_prefix(std::string_view name) {
  const auto found = std::ranges::find(kPassing, name.substr(0, name.find('_')));
  return found == kPassing.end() || name.find('_') == std::string_view::npos ? std::string_view{}
                                                                             : *found;
}

bool is_made(Operation operation) {
  return operation == Operation::create_table || operation == Operation::create_table_as ||
         operation == Operation::create_view || operation == Operation::create_matview ||
         operation == Operation::create_sequence || operation == Operation::create_schema;
}

void environment_in_name(const LoneSubject& subject, TextSink& out) {
  if (makes_temporary(subject.statement.root)) return;
  for (const Change& change : subject.changes) {
    if (!is_made(change.operation)) continue;
    const bool is_schema = change.operation == Operation::create_schema;
    const std::string& name = is_schema ? change.name : change.relation.name;
    std::string_view word = passing_word(name);
    if (word.empty() && is_schema) word = passing_prefix(name);
    if (word.empty()) continue;
    out.add(offset_of_word(subject, name, change.offset),
            {.object = is_schema ? postgres::quote_identifier(name) : change.relation.text(),
             .message = fmt::format("the name says {}: it goes along into every environment and "
                                    "every copy, and is true in one of them at most",
                                    word),
             .evidence = Json{{"word", word}},
             .fix = write_instead("Write a name that says what is in it; where it stands and for "
                                  "how long is for the database, a schema or a comment to say")});
  }
}

constexpr TextRule kHouseRules[] = {
    {.card = {.id = "mandatory-columns",
              .title = "Table without the columns that every table has",
              .why = "Programs and reports that count on them stumble over this one table.",
              .how = "Add the columns that mandatory-columns under [lint] in pgkeep.toml names.",
              .source = "pgrubic, required columns; pgkeep.toml",
              .severity = Severity::warning,
              .area = Area::schema},
     .group = Group::design,
     .lone = mandatory_columns,
     .nodes = "CreateStmt"},
    {.card = {.id = "environment-in-name",
              .title = "Environment or expiry in a name",
              .why = "orders_prod is in the test database as well after the first copy, and "
                     "orders_old is never dropped since nobody knows who reads it.",
              .how = "Name the thing; keep environments apart by database or server.",
              .source = "pglinter S002",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .lone = environment_in_name},
};

} // namespace

const std::span<const TextRule> house_rules{kHouseRules};

} // namespace pgkeep::lint
