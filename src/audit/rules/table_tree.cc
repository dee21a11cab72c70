#include "audit/rules/table_tree.h"

#include <algorithm>

namespace pgkeep::audit {

using catalog::OidNumber;
using catalog::Relation;
using catalog::Snapshot;

namespace {

constexpr int kDepthMax = 64; // A snapshot file may hold a cycle; a server cannot.

void collect_leaves(const Snapshot& db, const TableTree& tree, const Relation& relation, int depth,
                    std::vector<const Relation*>& into) {
  if (relation.kind != "p") {
    into.push_back(&relation);
    return;
  }
  if (depth >= kDepthMax) return;
  for (const OidNumber child : tree.children(relation.oid)) {
    const Relation* const partition = db.relation(child);
    if (partition != nullptr) collect_leaves(db, tree, *partition, depth + 1, into);
  }
}

} // namespace

TableTree::TableTree(const Snapshot& db) : db_(&db) {
  for (const Relation& relation : db.relations) {
    if (relation.parent != 0) children_[relation.parent].push_back(relation.oid);
  }
}

std::span<const OidNumber> TableTree::children(OidNumber parent) const {
  const auto found = children_.find(parent);
  return found == children_.end() ? std::span<const OidNumber>{} : found->second;
}

const Relation& TableTree::root(const Relation& relation) const {
  const Relation* top = &relation;
  for (int depth = 0; depth < kDepthMax && top->is_partition; ++depth) {
    const Relation* const parent = db_->relation(top->parent);
    if (parent == nullptr) break;
    top = parent;
  }
  return *top;
}

std::vector<const Relation*> TableTree::leaves(const Relation& relation) const {
  std::vector<const Relation*> found;
  collect_leaves(*db_, *this, relation, 0, found);
  return found;
}

double TableTree::rows(const Relation& relation) const {
  if (relation.kind != "p") {
    return relation.rows > 0 ? relation.rows
                             : std::max(relation.rows, static_cast<double>(relation.live_rows));
  }
  double total = -1;
  for (const Relation* const leaf : leaves(relation)) {
    const double rows = this->rows(*leaf);
    if (rows >= 0) total = std::max(total, 0.0) + rows;
  }
  return total;
}

bool is_judged_at_parent(const Relation& relation) {
  return relation.is_partition;
}

bool is_inherited_column(const Snapshot& db, const Relation& relation,
                         const catalog::Column& column) {
  if (relation.is_partition) return true;
  const Relation* const parent = relation.parent == 0 ? nullptr : db.relation(relation.parent);
  if (parent == nullptr) return false;
  return std::ranges::any_of(db.columns_of(*parent), [&](const catalog::Column& above) {
    return above.name == column.name;
  });
}

} // namespace pgkeep::audit
