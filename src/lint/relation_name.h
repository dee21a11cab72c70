/// The name of a relation as a statement writes it. Private to src/lint. A plain value.
#pragma once

#include <string>

#include "postgres/sql_tree.h"

namespace pgkeep::lint {

struct RelationName {
  std::string schema = {}; ///< Empty where the statement does not say.
  std::string name = {};

  explicit operator bool() const { return !name.empty(); }
  /// "public.orders" or "orders", quoted where needed.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const RelationName&, const RelationName&) = default;
};

/// Of a RangeVar.
RelationName relation_of(const postgres::Node& range);
/// Of a list of String nodes, as DROP has it: {"public", "orders"}; the last `skipped` parts name
/// something inside of it (the trigger of a table).
RelationName relation_of(const std::vector<postgres::Node>& parts, std::size_t skipped = 0);

} // namespace pgkeep::lint
