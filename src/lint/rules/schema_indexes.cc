// Indexes that a text builds beside others that do the same. Only plain ones are compared: btree,
// default order and operator classes, no expression, no condition.
#include <algorithm>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Fix;
using findings::Safety;
using postgres::Node;
using Names = std::vector<std::string>;

struct PlainIndex {
  RelationName relation = {};
  const TableState* table = nullptr;
  std::string name = {}; ///< Empty where the server chooses.
  Names columns = {};
  bool is_unique = false;
  bool is_constraint = false;
  bool is_from_section = false;
  std::size_t offset = 0;
};

bool is_plain(const Node& index) {
  if (index.text("access_method") != "btree" || index.node("where_clause") ||
      !index.nodes("index_including_params").empty() || index.flag("nulls_not_distinct"))
    return false;
  return std::ranges::all_of(index.nodes("index_params"), [](const Node& element) {
    const std::string_view order = element.name("ordering");
    const std::string_view nulls = element.name("nulls_ordering");
    return !element.text("name").empty() && element.nodes("opclass").empty() &&
           element.nodes("collation").empty() && order != "SORTBY_DESC" &&
           nulls != "SORTBY_NULLS_FIRST";
  });
}

bool is_plain(const catalog::Index& index) {
  return index.method == "btree" && index.predicate.empty() && index.expressions.empty() &&
         !index.nulls_not_distinct && std::cmp_equal(index.columns.size(), index.key_count) &&
         index.is_valid && index.constraint.empty() &&
         std::ranges::all_of(index.key_options, [](std::int32_t each) { return each == 0; }) &&
         std::ranges::none_of(index.operator_classes, [](const std::string& each) {
           return each.ends_with("pattern_ops");
         });
}

/// Of the tables that this section builds indexes on: all that are there at its end.
std::vector<PlainIndex> plain_indexes_of(const Context& context) {
  std::vector<PlainIndex> found;
  for (const Change& change : changes_of(context.section)) {
    if (change.operation != Operation::create_index || !is_plain(change.node)) continue;
    const TableState* const table = context.schema.find(change.relation);
    const bool is_there =
        table != nullptr && std::ranges::any_of(table->indexes, [&](const IndexState& each) {
          return each.is_from_text && !each.is_constraint && each.offset == change.offset &&
                 each.name == change.name;
        });
    if (!is_there) continue;
    PlainIndex index{.relation = change.relation,
                     .table = table,
                     .name = change.name,
                     .is_unique = change.node.flag("unique"),
                     .is_from_section = true,
                     .offset = change.offset};
    for (const Node& element : change.node.nodes("index_params"))
      index.columns.emplace_back(element.text("name"));
    found.push_back(std::move(index));
  }
  return found;
}

/// Those that were there before: of the database, and of constraints.
std::vector<PlainIndex> others_on(const Context& context, const TableState& table) {
  std::vector<PlainIndex> found;
  for (const ConstraintState& each : table.constraints) {
    if (each.type != 'p' && each.type != 'u') continue;
    found.push_back({.relation = table.name,
                     .table = &table,
                     .name = each.name,
                     .columns = each.columns,
                     .is_unique = true,
                     .is_constraint = true});
  }
  if (context.database == nullptr) return found;
  for (const IndexState& state : table.indexes) {
    if (state.is_from_text) continue;
    const auto index =
        std::ranges::find(context.database->indexes, state.name, &catalog::Index::name);
    if (index == context.database->indexes.end() || !is_plain(*index)) continue;
    found.push_back({.relation = table.name,
                     .table = &table,
                     .name = state.name,
                     .columns = state.columns,
                     .is_unique = state.is_unique});
  }
  return found;
}

std::string label(const PlainIndex& index) {
  if (index.is_constraint && index.name.empty())
    return fmt::format("the constraint over ({})", column_list(index.columns));
  return index.name.empty() ? fmt::format("the index on ({})", column_list(index.columns))
                            : postgres::quote_identifier(index.name);
}

bool starts_with(const Names& wide, const Names& narrow) {
  return wide.size() > narrow.size() && std::equal(narrow.begin(), narrow.end(), wide.begin());
}

void add(const PlainIndex& index, const PlainIndex& other, std::string message, TextSink& out) {
  out.add(index.offset,
          {.object = index.name.empty()
                         ? index.relation.text()
                         : RelationName{.schema = index.relation.schema, .name = index.name}.text(),
           .message = std::move(message),
           .evidence = Json{{"columns", Json::list(index.columns)},
                            {"other", label(other)},
                            {"other_columns", Json::list(other.columns)}},
           .fix = write_instead("Leave this index out")});
}

void duplicate_index(const Context& context, TextSink& out) {
  const std::vector<PlainIndex> built = plain_indexes_of(context);
  for (std::size_t i = 0; i < built.size(); ++i) {
    const PlainIndex& index = built[i];
    std::vector<PlainIndex> others = others_on(context, *index.table);
    others.insert(others.end(), built.begin(), built.begin() + static_cast<std::ptrdiff_t>(i));
    const auto same = std::ranges::find_if(others, [&](const PlainIndex& other) {
      return other.table == index.table && other.columns == index.columns &&
             (other.is_unique || !index.is_unique);
    });
    if (same == others.end()) continue;
    add(index, *same,
        fmt::format("has the columns of {}: every write pays for it and no query needs it",
                    label(*same)),
        out);
  }
}

void redundant_index(const Context& context, TextSink& out) {
  const std::vector<PlainIndex> built = plain_indexes_of(context);
  for (const PlainIndex& index : built) {
    if (index.is_unique) continue;
    std::vector<PlainIndex> others = others_on(context, *index.table);
    others.insert(others.end(), built.begin(), built.end());
    const auto wider = std::ranges::find_if(others, [&](const PlainIndex& other) {
      return other.table == index.table && starts_with(other.columns, index.columns);
    });
    if (wider == others.end()) continue;
    add(index, *wider,
        fmt::format("({}) leads {} ({}), which finds the same rows", column_list(index.columns),
                    label(*wider), column_list(wider->columns)),
        out);
  }
}

constexpr TextRule kSchemaIndexRules[] = {
    {.card = shared_card("duplicate-index"), .group = Group::design, .section = duplicate_index},
    {.card = shared_card("redundant-index"), .group = Group::design, .section = redundant_index},
};

} // namespace

const std::span<const TextRule> schema_index_rules{kSchemaIndexRules};

} // namespace pgkeep::lint
