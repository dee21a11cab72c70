/// Models made by hand, for unit tests of src/migrate/declare.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "migrate/declare/model.h"

namespace pgkeep::migrate::declaring {

/// Adds a table with columns of these names and types.
inline Relation& add_table(Model& model, const std::string& identity, std::uint32_t oid,
                           const std::vector<std::pair<std::string, std::string>>& columns) {
  Relation relation{.identity = identity,
                    .kind = "r",
                    .address = {.class_id = kClassRelation, .oid = oid},
                    .replica_identity = "d"};
  std::int32_t number = 0;
  for (const auto& [name, type] : columns)
    relation.columns.push_back({.name = name, .number = ++number, .type = type});
  model.objects.push_back({.type = "TABLE",
                           .schema = "public",
                           .name = identity.substr(identity.find('.') + 1),
                           .address = relation.address,
                           .word = "table",
                           .identity = identity,
                           .table = identity,
                           .sql = {"CREATE TABLE " + identity + " ()"}});
  return model.relations.emplace(identity, std::move(relation)).first->second;
}

inline Object& add_object(Model& model, Object object) {
  if (object.schema.empty()) object.schema = "public";
  model.objects.push_back(std::move(object));
  return model.objects.back();
}

} // namespace pgkeep::migrate::declaring
