#include "migrate/declare/graph.h"

#include <algorithm>
#include <array>

namespace pgkeep::migrate::declaring {
namespace {

/// The server makes these again itself when a column's type changes.
constexpr auto kFollowTypes = std::to_array<std::string_view>(
    {"INDEX", "CONSTRAINT", "FK CONSTRAINT", "CHECK", "STATISTICS", "SEQUENCE"});

bool is_table_kind(std::string_view type) {
  return type == "TABLE" || type == "FOREIGN TABLE";
}

/// Headings without an object of their own, about one that has; defaults of a view's columns.
bool is_about(const Object& each, const Object& object) {
  if (object.type == "VIEW") return each.type == "DEFAULT" && each.table == object.identity;
  return each.address.class_id == 0 && each.identity == object.identity &&
         ((each.type == "SEQUENCE OWNED BY" && object.type == "SEQUENCE") ||
          (each.type == "INDEX ATTACH" && object.type == "INDEX"));
}

/// Tables that the foreign keys of this one refer to, itself left out.
std::set<std::string> targets_of(const Model& model, const Object& foreign_key) {
  std::set<std::string> targets;
  for (const Dependency& edge : model.dependencies) {
    if (edge.who.class_id != foreign_key.address.class_id ||
        edge.who.oid != foreign_key.address.oid || edge.on.class_id != kClassRelation)
      continue;
    const Relation* const relation = model.relation_at(edge.on.oid);
    if (relation != nullptr && relation->identity != foreign_key.table)
      targets.insert(relation->identity);
  }
  return targets;
}

} // namespace

bool is_in_circle(const Model& model, const Object& foreign_key) {
  std::set<std::string> seen;
  std::set<std::string> next = targets_of(model, foreign_key);
  while (!next.empty()) {
    if (next.contains(foreign_key.table)) return true;
    std::set<std::string> further;
    for (const Object& each : model.objects) {
      if (each.type == "FK CONSTRAINT" && next.contains(each.table))
        further.merge(targets_of(model, each));
    }
    seen.merge(next);
    std::erase_if(further, [&](const std::string& each) { return seen.contains(each); });
    next = std::move(further);
  }
  return false;
}

Rebuilds::Rebuilds(const Model& from) : from_(from) {
  for (const Dependency& edge : from.dependencies)
    on_.emplace(std::pair(edge.on.class_id, edge.on.oid), &edge);
}

void Rebuilds::drop(const Object& object, bool stays_away) {
  if (!keys_.insert(object.key()).second) return;
  if (!stays_away) {
    for (const Object& each : from_.objects) {
      if (is_about(each, object)) keys_.insert(each.key());
    }
  }
  spread(object.address, Cause::dropped);
}

void Rebuilds::change_type(const Address& column) {
  spread(column, Cause::retyped);
}

void Rebuilds::replace_column(const Address& column) {
  if (replaced_.insert(column).second) spread(column, Cause::dropped);
}

void Rebuilds::replace_type(const Address& type) {
  for (const Dependency& edge : from_.dependencies) {
    if (edge.on.class_id != type.class_id || edge.on.oid != type.oid || edge.who.part == 0 ||
        edge.kind == 'D')
      continue;
    moved_.insert(edge.who);
    change_type(edge.who);
  }
  spread(type, Cause::dropped);
}

bool Rebuilds::stands_on_dropped(const Object& object) const {
  return std::ranges::any_of(from_.dependencies, [&](const Dependency& edge) {
    return edge.who.class_id == object.address.class_id && edge.who.oid == object.address.oid &&
           seen_.contains({.class_id = edge.on.class_id, .oid = edge.on.oid});
  });
}

void Rebuilds::spread(const Address& node, Cause cause) {
  if (node.class_id == 0) return;
  if (cause == Cause::dropped && !seen_.insert(node).second) return;
  const auto [first, last] = on_.equal_range(std::pair(node.class_id, node.oid));
  for (auto each = first; each != last; ++each) {
    const Dependency& edge = *each->second;
    const bool is_on = node.part == 0 || edge.on.part == node.part;
    if (is_on && reach(edge, cause) && cause == Cause::retyped) freed_.insert(node);
  }
}

bool Rebuilds::reach(const Dependency& edge, Cause cause) {
  const Object* const object = from_.at(edge.who);
  if (edge.who.part != 0 && edge.who.class_id == kClassRelation) {
    if (edge.kind != 'D') return false; // Its type, which replace_type() looks after.
    const Relation* const relation = from_.relation_at(edge.who.oid);
    if (relation == nullptr) return false;
    const auto column = std::ranges::find(relation->columns, edge.who.part, &Column::number);
    if (column == relation->columns.end()) return false;
    if (!column->generated.empty()) {
      replace_column(edge.who);
    } else if (cause == Cause::dropped && !moved_.contains(edge.who)) {
      loose_defaults_.insert(edge.who);
    }
    return !column->generated.empty();
  }
  if (object == nullptr) {
    // The index of a key, the trigger of a foreign key: what stands on it goes with it.
    if (cause == Cause::dropped) spread(edge.who, cause);
    return false;
  }
  if (is_table_kind(object->type)) return false;
  const bool follows = std::ranges::find(kFollowTypes, object->type) != kFollowTypes.end();
  if (cause == Cause::retyped && follows) return false;
  drop(*object, false);
  return true;
}

} // namespace pgkeep::migrate::declaring
