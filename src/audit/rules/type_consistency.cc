// Only names that mean one thing in the whole schema are compared: keys of other tables, x_id.
#include "audit/rules/type_consistency.h"

#include <algorithm>
#include <map>

#include "audit/rules/table_tree.h"
#include "audit/rules/type_change.h"

namespace pgkeep::audit {

using catalog::Column;
using catalog::Relation;

namespace {

constexpr std::size_t kShown = 20; // Others named in the evidence.

/// Types that are told apart here: varchar and text, say, are the same to everyone.
std::string_view family_of(const Column& column) {
  if (is_text(column.base_type)) return "text";
  if (column.base_type == "timestamp" || column.base_type == "timestamptz") return "timestamp";
  return column.base_type;
}

struct Uses {
  std::map<std::string_view, std::vector<const Column*>> by_family;
  std::size_t count = 0;
};

void add_inconsistent(const Snapshot& db, std::string_view name, const Uses& uses, Sink& out) {
  const auto most = std::ranges::max_element(uses.by_family, {},
                                             [](const auto& entry) { return entry.second.size(); });
  std::vector<std::string> others;
  Json types;
  for (const auto& [family, columns] : uses.by_family) {
    types.set(std::string(family), static_cast<std::int64_t>(columns.size()));
    if (family == most->first) continue;
    for (const Column* const column : columns) {
      if (const Relation* const relation = db.relation(column->relation))
        others.push_back(
            fmt::format("{} ({})", catalog::column_object(*relation, *column), column->type));
    }
  }
  const std::size_t total = others.size();
  if (others.size() > kShown) others.resize(kShown);
  const Column& usual = *most->second.front();
  out.add({.object = fmt::format("columns named {}", postgres::quote_identifier(name)),
           .message = fmt::format("{} is {} in {} tables and something else in {}", name,
                                  usual.type, most->second.size(), total),
           .evidence = Json{{"types", std::move(types)}, {"others", Json::list(others)}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::types,
                      .note = "Which of the types is right, or whether the columns only share a "
                              "name, no statement knows: decide, then change or rename."}});
}

} // namespace

void column_type_inconsistent(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  std::map<std::string_view, Uses> names;
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation) || relation.parent != 0) continue;
    for (const Column& column : db.columns_of(relation)) {
      // Only names that mean one thing: keys of other tables.
      if (!column.name.ends_with("_id") || column.name.size() <= 3) continue;
      Uses& uses = names[column.name];
      uses.by_family[family_of(column)].push_back(&column);
      ++uses.count;
    }
  }
  for (const auto& [name, uses] : names) {
    if (uses.by_family.size() > 1) add_inconsistent(db, name, uses, out);
  }
}

} // namespace pgkeep::audit
