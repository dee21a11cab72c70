#include "lint/relations.h"

#include <algorithm>

namespace pgkeep::lint {
namespace {

RelationName name_of(const catalog::Relation& relation) {
  return {.schema = relation.schema, .name = relation.name};
}

bool is_default(const catalog::Relation& relation) {
  return relation.partition_bound == "DEFAULT";
}

} // namespace

const catalog::Relation* relation_in(const Context& context, const RelationName& name) {
  if (context.database == nullptr) return nullptr;
  for (const catalog::Relation& each : context.database->relations) {
    if (is_same(name_of(each), name)) return &each;
  }
  return nullptr;
}

std::vector<RelationName> partitions_of(const Context& context, const RelationName& parent) {
  const catalog::Relation* const table = relation_in(context, parent);
  std::vector<RelationName> partitions;
  if (table == nullptr) return partitions;
  for (const catalog::Relation& each : context.database->relations) {
    if (each.is_partition && each.parent == table->oid && !is_default(each))
      partitions.push_back(name_of(each));
  }
  return partitions;
}

RelationName default_partition_of(const Context& context, const RelationName& parent) {
  const catalog::Relation* const table = relation_in(context, parent);
  if (table == nullptr) return {};
  for (const catalog::Relation& each : context.database->relations) {
    if (each.parent == table->oid && is_default(each)) return name_of(each);
  }
  return {};
}

RelationName parent_of(const Context& context, const RelationName& partition) {
  const catalog::Relation* const table = relation_in(context, partition);
  if (table == nullptr || !table->is_partition) return {};
  const catalog::Relation* const parent = context.database->relation(table->parent);
  return parent == nullptr ? RelationName{} : name_of(*parent);
}

std::vector<RelationName> referenced_by(const Context& context, const RelationName& table) {
  std::vector<RelationName> targets;
  const TableState* const state = context.schema.find(table);
  if (state == nullptr) return targets;
  for (const ConstraintState& each : state->constraints) {
    const bool is_new = std::ranges::none_of(
        targets, [&](const RelationName& known) { return is_same(known, each.target); });
    if (each.type == 'f' && is_new && !is_same(each.target, table)) targets.push_back(each.target);
  }
  return targets;
}

std::vector<RelationName> referencing(const Context& context, const RelationName& table) {
  std::vector<RelationName> sources;
  for (const TableState* const each : context.schema.referencing(table)) {
    if (!is_same(each->name, table)) sources.push_back(each->name);
  }
  return sources;
}

std::vector<RelationName> users_of_type(const Context& context, const RelationName& type) {
  std::vector<RelationName> users;
  for (const auto& [key, state] : context.schema.tables()) {
    const bool uses_it = std::ranges::any_of(
        state.columns, [&](const ColumnState& each) { return each.type.name == type.name; });
    if (uses_it) users.push_back(state.name);
  }
  return users;
}

} // namespace pgkeep::lint
