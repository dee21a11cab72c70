// "user_id" beside a table users: the name says what no constraint does.
#include "audit/rules/reference_names.h"

#include <algorithm>
#include <unordered_map>

#include "audit/rules/table_tree.h"
#include "audit/rules/type_change.h"

namespace pgkeep::audit {

using catalog::Column;
using catalog::Constraint;
using catalog::Relation;

namespace {

bool is_in_foreign_key(const Snapshot& db, const Column& column) {
  return std::ranges::any_of(db.constraints_of(column.relation), [&](const Constraint& each) {
    return each.type == "f" && std::ranges::find(each.columns, column.number) != each.columns.end();
  });
}

/// The tables' single-column keys by "schema.table".
std::unordered_map<std::string, const Column*> single_keys(const Snapshot& db) {
  std::unordered_map<std::string, const Column*> keys;
  for (const Constraint& each : db.constraints) {
    const Relation* const relation = each.type == "p" ? db.relation(each.relation) : nullptr;
    if (relation == nullptr || relation->is_partition || each.columns.size() != 1) continue;
    keys[relation->schema + "." + relation->name] = db.column(each.relation, each.columns.front());
  }
  return keys;
}

Fix missing_key_fix(const Relation& relation, const Column& column, const Relation& target,
                    const Column& key) {
  const std::string from = catalog::qualified_name(relation);
  const std::string name = postgres::quote_identifier(column.name);
  return Fix{
      .safety = Safety::manual,
      .phase = Phase::keys,
      .sql = {fmt::format("SELECT count(*) FROM {} AS c WHERE c.{} IS NOT NULL AND NOT EXISTS "
                          "(SELECT FROM {} AS p WHERE p.{} = c.{})",
                          from, name, catalog::qualified_name(target),
                          postgres::quote_identifier(key.name), name),
              fmt::format("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({}) NOT VALID", from,
                          name, catalog::qualified_name(target),
                          postgres::quote_identifier(key.name))},
      .note = "What becomes of rows that point nowhere (the first statement counts them), and of "
              "children when a parent goes, no statement can decide: mend the rows, add the key "
              "NOT VALID, VALIDATE it, and index the column."};
}

} // namespace

void foreign_key_missing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const auto keys = single_keys(db);
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    for (const Column& column : db.columns_of(relation)) {
      if (!column.name.ends_with("_id") || column.name.size() <= 3 || is_in_foreign_key(db, column))
        continue;
      for (const std::string& name : catalog::table_names_for(column.name)) {
        const auto found = keys.find(relation.schema + "." + name);
        if (found == keys.end() || found->second == nullptr) continue;
        const Column& key = *found->second;
        const Relation* const target = db.relation(key.relation);
        const bool fits = key.base_type == column.base_type ||
                          (is_integer(key.base_type) && is_integer(column.base_type));
        if (target == nullptr || target->oid == relation.oid || !fits) continue;
        out.add({.object = catalog::column_object(relation, column),
                 .message = fmt::format("looks like a reference to {}, but nothing keeps it from "
                                        "pointing nowhere",
                                        catalog::column_object(*target, key)),
                 .evidence = Json{{"type", column.type}, {"key_type", key.type}},
                 .fix = missing_key_fix(relation, column, *target, key)});
        break;
      }
    }
  }
}

void array_as_relation(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    for (const Column& column : db.columns_of(relation)) {
      const bool holds_keys = is_one_of(column.base_type, {"_int2", "_int4", "_int8", "_uuid"});
      if (!holds_keys || !column.name.ends_with("_ids")) continue;
      out.add({.object = catalog::column_object(relation, column),
               .message = fmt::format(
                   "{} holds keys of other rows, and no constraint can check them", column.type),
               .evidence = Json{{"type", column.type}},
               .fix = Fix{.safety = Safety::manual,
                          .note = "The junction table that replaces it changes the application's "
                                  "statements too: create it with two foreign keys, copy by "
                                  "unnest(), switch, drop the column."}});
    }
  }
}

} // namespace pgkeep::audit
