/// Which tables belong together: partitions below their parents, and what a whole tree holds.
///
/// For rules that judge a partitioned table once, at its root. Rows are estimates: the planner's
/// (pg_class.reltuples), or the counters' (n_live_tup) where it has none or found the table empty.
/// Thread-safety: immutable after construction; the Snapshot must outlive it. Private to
/// audit/rules.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "catalog/snapshot.h"

namespace pgkeep::audit {

class TableTree {
public:
  explicit TableTree(const catalog::Snapshot& db);

  /// Direct partitions or inheritance children.
  [[nodiscard]] std::span<const catalog::OidNumber> children(catalog::OidNumber parent) const;
  /// The topmost partitioned table above it; the relation itself where it is no partition.
  [[nodiscard]] const catalog::Relation& root(const catalog::Relation& relation) const;
  /// Every partition below it that holds rows itself; the relation itself where it is not
  /// partitioned.
  [[nodiscard]] std::vector<const catalog::Relation*>
  leaves(const catalog::Relation& relation) const;
  /// -1 = unknown (never analysed, and no counters).
  [[nodiscard]] double rows(const catalog::Relation& relation) const;

private:
  const catalog::Snapshot* db_;
  std::unordered_map<catalog::OidNumber, std::vector<catalog::OidNumber>> children_;
};

/// Partitions inherit their columns, keys and constraints: those are judged at the parent.
bool is_judged_at_parent(const catalog::Relation& relation);
/// Partitions and inheritance children have the column from their parent.
bool is_inherited_column(const catalog::Snapshot& db, const catalog::Relation& relation,
                         const catalog::Column& column);

} // namespace pgkeep::audit
