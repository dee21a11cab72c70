/// The names that the server gives where a statement gives none, and names of our own that are
/// free.
///
/// Private to src/migrate/rewrite. One thread. Source: PostgreSQL, makeObjectName(),
/// ChooseRelationName(), ChooseConstraintName(), ChooseIndexNameAddition().
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>

#include "catalog/snapshot.h"

namespace pgkeep::migrate::rewriting {

/// "orders_user_id_fkey" of 63 bytes at most: the longer of the first two is cut, not the label. An
/// empty second part is left out.
std::string object_name(std::string_view first, std::string_view second, std::string_view label);

class Names {
public:
  explicit Names(const catalog::Snapshot* database) : database_(database) {}
  /// As object_name(), with a number behind it where a relation, index, sequence or constraint of
  /// the schema has the name already. The name is taken then.
  std::string choose(std::string_view schema, std::string_view first, std::string_view second,
                     std::string_view label);
  /// The parts of a name for several columns: "a_b".
  static std::string addition(std::span<const std::string> columns);
  /// A name that is always the same for the same text, cut with a checksum where it is too long.
  static std::string fixed(const std::string& text);
  void take(std::string_view schema, std::string_view name);

private:
  [[nodiscard]] bool is_taken(const std::string& schema, const std::string& name) const;

  const catalog::Snapshot* database_;
  std::set<std::string> taken_; ///< "schema.name".
};

} // namespace pgkeep::migrate::rewriting
