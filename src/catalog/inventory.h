/// A Snapshot's schema as a flat list of objects with their properties, all in words: what two
/// databases are compared by. No oid, number of a column or statistic is in it.
/// Private to src/catalog. Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "catalog/diff.h"
#include "catalog/snapshot.h"

namespace pgkeep::catalog {

/// What is comparable between two Snapshots.
struct Comparability {
  Facts known = Facts::none;   ///< Sections that both have.
  DiffOptions options = {};    ///< What is left out.
  bool has_digests = false;    ///< Both were written by a pgkeep that keeps digests.
  bool is_same_version = true; ///< Else "definition (loose)" stands for "definition".
  bool knows_maintain = true;  ///< Both servers have the right MAINTAIN (17).
  bool names_not_null = true;  ///< Both servers have constraints for NOT NULL (18).
};
Comparability comparability(const Snapshot& before, const Snapshot& after,
                            const DiffOptions& options);

/// Kind and object, as in a Difference.
struct ObjectKey {
  std::string kind = {};
  std::string object = {};
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};
struct ObjectKeyHash {
  std::size_t operator()(const ObjectKey& key) const {
    return std::hash<std::string>{}(key.object) * 31 + std::hash<std::string>{}(key.kind);
  }
};

struct Item {
  ObjectKey parent = {}; ///< It comes and goes with that one; empty = with none.
  bool exists = false;   ///< False: only a comment, a grant or an owner is known of it.
  /// Name and value. Names are constants or text of the Snapshot, which must outlive the inventory.
  std::vector<std::pair<std::string_view, std::string>> properties = {};
};

using Inventory = std::unordered_map<ObjectKey, Item, ObjectKeyHash>;

Inventory take_inventory(const Snapshot& db, const Comparability& comparable);

} // namespace pgkeep::catalog
