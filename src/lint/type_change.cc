#include "lint/type_change.h"

#include <algorithm>

#include "base/text.h"

namespace pgkeep::lint {
namespace {

using postgres::Node;

enum class HeapWork : std::uint8_t { free, free_in_other_order, rewrite };

bool is_zoned_pair(const TypeText& a, const TypeText& b) {
  return a.name == "timestamp" && b.name == "timestamptz";
}

std::int64_t modifier(const TypeText& type, std::size_t place, std::int64_t fallback) {
  return place < type.modifiers.size() ? type.modifiers[place] : fallback;
}

/// A value of the old length or precision is one of the new as it stands.
bool is_wider(const TypeText& from, const TypeText& to) {
  if (to.modifiers.empty()) return true;
  if (from.modifiers.empty()) return false;
  if (from.name == "numeric")
    return modifier(to, 0, 0) >= modifier(from, 0, 0) && modifier(to, 1, 0) == modifier(from, 1, 0);
  return modifier(to, 0, 0) >= modifier(from, 0, 0);
}

/// Types whose length coercion the server leaves out where the new one is wider.
bool drops_coercion(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>(
      {"varchar", "varbit", "numeric", "timestamp", "timestamptz", "time", "timetz"});
  return std::ranges::find(names, name) != names.end();
}

HeapWork heap_work(const TypeText& from, const TypeText& to, bool utc) {
  if (from.schema != to.schema || from.is_array || to.is_array)
    return from == to ? HeapWork::free : HeapWork::rewrite;
  if (from.name == to.name) {
    if (from.modifiers == to.modifiers) return HeapWork::free;
    return drops_coercion(from.name) && is_wider(from, to) ? HeapWork::free : HeapWork::rewrite;
  }
  const bool is_text = from.name == "text" || from.name == "varchar";
  if (is_text && to.name == "text") return HeapWork::free;
  if (is_text && to.name == "varchar")
    return to.modifiers.empty() ? HeapWork::free : HeapWork::rewrite;
  if (from.name == "cidr" && to.name == "inet") return HeapWork::free;
  if (from.name == "xml" && (to.name == "text" || to.name == "varchar") && to.modifiers.empty())
    return HeapWork::free_in_other_order;
  const bool is_oid_pair =
      (from.name == "int4" && to.name == "oid") || (from.name == "oid" && to.name == "int4");
  if (is_oid_pair) return HeapWork::free_in_other_order;
  const bool is_zone_change = is_zoned_pair(from, to) || is_zoned_pair(to, from);
  if (is_zone_change && utc && is_wider({.modifiers = from.modifiers}, {.modifiers = to.modifiers}))
    return HeapWork::free_in_other_order;
  return HeapWork::rewrite;
}

/// USING that says no more than the change itself: the column, or the column cast to the new type.
bool is_plain_using(const Node& expression, const std::string& column, const TypeText& to) {
  const Node inner = expression.is("TypeCast") ? expression.node("arg") : expression;
  if (expression.is("TypeCast") && type_of(expression.node("type_name")) != to) return false;
  const std::vector<std::string> names =
      postgres::strings_of(inner.nodes_if("ColumnRef", "fields"));
  return names.size() == 1 && names.front() == column;
}

bool is_in(const std::vector<std::string>& columns, const std::string& name) {
  return std::ranges::find(columns, name) != columns.end();
}

TypeText normal(TypeText type) {
  if (type.name == "numeric" && type.modifiers.size() == 1) type.modifiers.push_back(0);
  return type;
}

} // namespace

bool is_utc(const Context& context) {
  std::string zone;
  if (const SettingState* const set = context.setting("timezone")) zone = set->value;
  if (zone.empty() && context.database != nullptr)
    zone = catalog::setting_text(*context.database, "TimeZone");
  zone = base::to_lower(zone);
  return zone == "utc" || zone == "etc/utc" || zone == "gmt" || zone == "etc/gmt";
}

TypeChange type_change_of(const Change& change, const Context& context) {
  const Node definition = change.node.node("def");
  TypeChange result{.to = normal(type_of(definition.node("type_name"))),
                    .table = context.schema.find(change.relation)};
  const ColumnState* const column =
      result.table == nullptr ? nullptr : result.table->column(change.name);
  if (column == nullptr) return result;
  result.is_known = true;
  result.from = normal(column->type);
  const Node expression = definition.node("raw_default");
  if (expression && !is_plain_using(expression, change.name, result.to)) return result;
  const HeapWork heap = heap_work(result.from, result.to, is_utc(context));
  if (heap == HeapWork::rewrite) return result;

  const auto collation = postgres::strings_of(definition.node("coll_clause").nodes("collname"));
  const std::string new_collation = collation.empty() ? "" : collation.back();
  const bool is_ordered_otherwise =
      heap == HeapWork::free_in_other_order || new_collation != column->collation;
  const bool reindexes =
      std::ranges::any_of(result.table->indexes,
                          [&](const IndexState& index) {
                            return is_in(index.columns, change.name) &&
                                   (is_ordered_otherwise || index.is_partial);
                          }) ||
      (is_ordered_otherwise &&
       std::ranges::any_of(result.table->constraints, [&](const ConstraintState& each) {
         return (each.type == 'p' || each.type == 'u' || each.type == 'x') &&
                is_in(each.columns, change.name);
       }));
  const bool rechecks =
      std::ranges::any_of(result.table->constraints, [&](const ConstraintState& each) {
        return each.type == 'c' && each.is_validated && is_in(each.columns, change.name);
      });
  result.work = reindexes ? TypeWork::reindex : rechecks ? TypeWork::checks : TypeWork::nothing;
  return result;
}

} // namespace pgkeep::lint
