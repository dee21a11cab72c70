/// What hangs on a column of the database: indexes and constraints, with their definitions for
/// another column in its place.
///
/// Private to src/migrate/rewrite. Pure; views the Snapshot.
#pragma once

#include <string>
#include <vector>

#include "migrate/rewrite/work.h"

namespace pgkeep::migrate::rewriting {

struct IndexCopy {
  const catalog::Index* index = nullptr;
  const catalog::Constraint* constraint = nullptr; ///< That it carries; null = none.
  std::string name = {};                           ///< Of the copy, not quoted.
  std::string create = {};                         ///< CREATE INDEX CONCURRENTLY.
};
/// Every index that names the column, for the other one.
std::vector<IndexCopy> copy_indexes(const Work& work, const Target& table,
                                    const catalog::Column& column, const std::string& other);

struct ConstraintCopy {
  const catalog::Constraint* constraint = nullptr;
  Target owner;           ///< The table that has it: another one for a key that points here.
  std::string name;       ///< Of the copy, not quoted.
  std::string definition; ///< Without NOT VALID.
};
/// CHECK constraints and foreign keys of the table.
std::vector<ConstraintCopy> copy_constraints(const Work& work, const Target& table,
                                             const catalog::Column& column,
                                             const std::string& other);
/// Foreign keys of other tables that point at the column.
std::vector<ConstraintCopy> copy_references(const Work& work, const Target& table,
                                            const catalog::Column& column,
                                            const std::string& other);

bool has(const std::vector<std::int32_t>& numbers, std::int32_t number);

} // namespace pgkeep::migrate::rewriting
