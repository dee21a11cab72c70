// Lookups over sorted vectors: columns, constraints and indexes are sorted by relation, so that
// "those of a table" is one binary search; single things are found by hash or tree. Everything is
// O(n log n) in link() and O(log n) afterwards.
#include "catalog/snapshot.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace pgkeep::catalog {
namespace {

/// Readers and files are mostly in order already, and moving 100,000 rows of text is not free.
template <typename Item, typename Key>
void sort_by(std::vector<Item>& items, Key key) {
  const auto less = [&](const Item& a, const Item& b) { return key(a) < key(b); };
  if (!std::is_sorted(items.begin(), items.end(), less))
    std::stable_sort(items.begin(), items.end(), less);
}

template <typename Item>
std::span<const Item> of_relation(const std::vector<Item>& items, OidNumber relation) {
  const auto range = std::ranges::equal_range(items, relation, {}, &Item::relation);
  return {range.begin(), range.end()};
}

std::uint32_t place(std::size_t index) {
  PGKEEP_ASSERT(index <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(index);
}

} // namespace

void Snapshot::link() {
  sort_by(columns, [](const Column& c) { return std::tuple(c.relation, c.number); });
  sort_by(constraints, [](const Constraint& c) { return std::tuple(c.relation, c.oid); });
  sort_by(indexes, [](const Index& i) { return std::tuple(i.relation, i.oid); });

  relation_index_.clear();
  relation_index_.reserve(relations.size());
  for (std::size_t i = 0; i < relations.size(); ++i) {
    Relation& each = relations[i];
    relation_index_.emplace(each.oid, place(i));
    const std::span<const Column> own = of_relation(columns, each.oid);
    each.column_count = place(own.size());
    each.column_first =
        own.empty() ? 0 : place(static_cast<std::size_t>(own.data() - columns.data()));
  }
  index_index_.clear();
  index_index_.reserve(indexes.size());
  for (std::size_t i = 0; i < indexes.size(); ++i)
    index_index_.emplace(indexes[i].oid, place(i));
  setting_index_.clear();
  for (std::size_t i = 0; i < settings.size(); ++i)
    setting_index_.emplace(settings[i].name, place(i));
  role_index_.clear();
  for (std::size_t i = 0; i < roles.size(); ++i)
    role_index_.emplace(roles[i].name, place(i));
}

const Relation* Snapshot::relation(OidNumber oid) const {
  const auto found = relation_index_.find(oid);
  return found == relation_index_.end() ? nullptr : &relations[found->second];
}

std::span<const Column> Snapshot::columns_of(const Relation& relation) const {
  return std::span(columns).subspan(relation.column_first, relation.column_count);
}

const Column* Snapshot::column(OidNumber relation, std::int32_t number) const {
  const std::span<const Column> all = of_relation(columns, relation);
  const auto found = std::ranges::lower_bound(all, number, {}, &Column::number);
  return found != all.end() && found->number == number ? &*found : nullptr;
}

std::span<const Constraint> Snapshot::constraints_of(OidNumber relation) const {
  return of_relation(constraints, relation);
}

std::span<const Index> Snapshot::indexes_of(OidNumber relation) const {
  return of_relation(indexes, relation);
}

const Index* Snapshot::index(OidNumber oid) const {
  const auto found = index_index_.find(oid);
  return found == index_index_.end() ? nullptr : &indexes[found->second];
}

const Setting* Snapshot::setting(std::string_view name) const {
  const auto found = setting_index_.find(name);
  return found == setting_index_.end() ? nullptr : &settings[found->second];
}

const Role* Snapshot::role(std::string_view name) const {
  const auto found = role_index_.find(name);
  return found == role_index_.end() ? nullptr : &roles[found->second];
}

const Database* Snapshot::current_database() const {
  const auto found = std::ranges::find(databases, server.database, &Database::name);
  return found == databases.end() ? nullptr : &*found;
}

bool Snapshot::is_member(std::string_view member, std::string_view role) const {
  // From the member upwards; each role is looked at once, so that a cycle (a damaged
  // catalog, a foreign file) ends.
  std::set<std::string_view> seen{member};
  std::vector<std::string_view> open{member};
  while (!open.empty()) {
    const std::string_view current = open.back();
    open.pop_back();
    if (current == role) return true;
    for (const Membership& each : memberships) {
      if (each.member == current && seen.insert(each.role).second) open.push_back(each.role);
    }
  }
  return false;
}

std::string Snapshot::why_absent(Facts fact) const {
  for (const FactName& row : fact_names()) {
    if (!has(fact, row.fact) || has(present, row.fact)) continue;
    for (const Absence& each : absent) {
      if (has(each.fact, row.fact) && !each.reason.empty()) return each.reason;
    }
    return std::string(name_of(row.fact)) + " was not read";
  }
  return {};
}

} // namespace pgkeep::catalog
