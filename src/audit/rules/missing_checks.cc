// Columns whose names say what may be in them: states, and the two ends of a range.
#include "audit/rules/missing_checks.h"

#include <algorithm>

#include "audit/rules/table_tree.h"
#include "audit/rules/type_change.h"

namespace pgkeep::audit {

using catalog::Column;
using catalog::Constraint;
using catalog::Relation;

namespace {

constexpr double kFewDistinct = 20; // More kinds of values than this is no list of states.

/// Something checks its values; a column that is a key by itself is the list of states.
bool has_check_over(const Snapshot& db, const Relation& relation, const Column& column) {
  return std::ranges::any_of(db.constraints_of(relation.oid), [&](const Constraint& each) {
    const bool is_key = (each.type == "p" || each.type == "u") && each.columns.size() == 1;
    return (is_key || each.type == "c" || each.type == "f" || each.type == "x") &&
           std::ranges::find(each.columns, column.number) != each.columns.end();
  });
}

bool is_ordered(const Column& column) {
  return is_one_of(column.base_type, {"int2", "int4", "int8", "numeric", "float4", "float8", "date",
                                      "timestamp", "timestamptz", "time"});
}

bool are_compared(const Snapshot& db, const Relation& relation, const Column& low,
                  const Column& high) {
  return std::ranges::any_of(db.constraints_of(relation.oid), [&](const Constraint& each) {
    const auto holds = [&](const Column& column) {
      return std::ranges::find(each.columns, column.number) != each.columns.end();
    };
    // Expressions of an exclusion constraint are not in its columns.
    return each.type == "x" || (each.type == "c" && holds(low) && holds(high));
  });
}

void add_range(const Snapshot& db, const Relation& relation, const Column& low, const Column& high,
               Sink& out) {
  if (low.base_type != high.base_type || are_compared(db, relation, low, high)) return;
  out.add({.object = catalog::column_object(relation, low),
           .message = fmt::format("nothing keeps {} from being after {}", low.name, high.name),
           .evidence = Json{{"low", low.name}, {"high", high.name}, {"type", low.type}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::keys,
                      .sql = {fmt::format("ALTER TABLE {} ADD CHECK ({} <= {}) NOT VALID",
                                          catalog::qualified_name(relation),
                                          postgres::quote_identifier(low.name),
                                          postgres::quote_identifier(high.name))},
                      .note = "Whether both ends may be equal, and what becomes of rows that break "
                              "it, is a decision: add it NOT VALID, mend the rows, VALIDATE."}});
}

} // namespace

void status_without_check(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    for (const Column& column : db.columns_of(relation)) {
      if (!catalog::names_state(column.name) || !is_text(column.base_type) ||
          column.type_kind == "d")
        continue;
      // Negative n_distinct is a share of the rows: the values grow with the table.
      const bool is_open =
          column.has_stats && (column.distinct < 0 || column.distinct > kFewDistinct);
      const bool may_be_few = column.has_stats && column.distinct < 0 && relation.rows > 0 &&
                              -column.distinct * relation.rows <= kFewDistinct;
      if ((is_open && !may_be_few) || has_check_over(db, relation, column)) continue;
      const std::string seen = column.has_stats && column.distinct > 0
                                   ? column.distinct < 2
                                         ? std::string("one value so far")
                                         : fmt::format("{:.0f} different values", column.distinct)
                                   : std::string("any text");
      out.add({.object = catalog::column_object(relation, column),
               .message = fmt::format("holds {} and nothing keeps a misspelt one out", seen),
               .evidence = Json{{"type", column.type}, {"distinct", column.distinct}},
               .fix = Fix{.safety = Safety::manual,
                          .phase = Phase::keys,
                          .note = fmt::format(
                              "Only a person knows the values that are right: ALTER TABLE {} ADD "
                              "CHECK ({} IN (...)) NOT VALID, then VALIDATE; or a lookup table.",
                              catalog::qualified_name(relation),
                              postgres::quote_identifier(column.name))}});
    }
  }
}

void check_missing_range(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    for (const Column& low : db.columns_of(relation)) {
      // A transfer's from and to are accounts, not a range; times and bounds are.
      const bool is_reference = low.name.ends_with("_id") || low.name.ends_with("id");
      if (!is_ordered(low) || is_reference) continue;
      for (const std::string& name : catalog::other_ends(low.name)) {
        for (const Column& high : db.columns_of(relation)) {
          if (NameWords(high.name).joined() == name) add_range(db, relation, low, high, out);
        }
      }
    }
  }
}

} // namespace pgkeep::audit
