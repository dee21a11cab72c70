// Both Snapshots become inventories (inventory.h), which are compared object by object and property
// by property.
#include "catalog/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "catalog/inventory.h"

namespace pgkeep::catalog {
namespace {

/// The sections that are compared. What of them is not known is told.
constexpr Facts kSections[] = {
    Facts::schemas,   Facts::relations,  Facts::columns,   Facts::constraints,
    Facts::indexes,   Facts::sequences,  Facts::triggers,  Facts::functions,
    Facts::policies,  Facts::extensions, Facts::languages, Facts::subscriptions,
    Facts::types,     Facts::details,    Facts::comments,  Facts::default_privileges,
    Facts::databases, Facts::roles,      Facts::grants,    Facts::definitions};

bool is_wanted(Facts section, const DiffOptions& options) {
  if (section == Facts::comments) return !options.ignore_comments;
  if (section == Facts::grants || section == Facts::default_privileges)
    return !options.ignore_grants;
  if (section == Facts::databases || section == Facts::roles) return !options.ignore_settings;
  return true;
}

void note_unknown(const Snapshot& db, std::string_view which, const DiffOptions& options,
                  Diff& diff) {
  for (const Facts section : kSections) {
    if (has(db.present, section) || !is_wanted(section, options)) continue;
    diff.unknown.push_back(
        fmt::format("{}: {}: {}", which, name_of(section), db.why_absent(section)));
  }
  for (const std::string& note : db.notes) {
    if (note.starts_with("locked by DDL"))
      diff.unknown.push_back(fmt::format("{}: {}", which, note));
  }
}

class Comparison {
public:
  Comparison(const Inventory& before, const Inventory& after, std::vector<Difference>& out)
      : before_(before), after_(after), out_(out) {}

  void run() {
    for (const auto& [key, item] : before_) {
      const auto other = after_.find(key);
      compare_item(key, &item, other == after_.end() ? nullptr : &other->second);
    }
    for (const auto& [key, item] : after_) {
      if (!before_.contains(key)) compare_item(key, nullptr, &item);
    }
  }

private:
  static bool exists(const Inventory& inventory, const ObjectKey& key) {
    const auto found = inventory.find(key);
    return found != inventory.end() && found->second.exists;
  }
  void compare_item(const ObjectKey& key, const Item* before, const Item* after) {
    const bool was = before != nullptr && before->exists;
    const bool is = after != nullptr && after->exists;
    if (was != is) {
      const ObjectKey& parent = is ? after->parent : before->parent;
      const Inventory& there = is ? after_ : before_;
      const Inventory& elsewhere = is ? before_ : after_;
      if (!parent.kind.empty() && exists(there, parent) && !exists(elsewhere, parent)) return;
      out_.push_back(
          {.change = is ? Change::added : Change::removed, .kind = key.kind, .object = key.object});
      return;
    }
    compare_properties(key, before, after);
  }
  void compare_properties(const ObjectKey& key, const Item* before, const Item* after) {
    static const Item kNothing;
    const auto& old_ones = (before == nullptr ? kNothing : *before).properties;
    const auto& new_ones = (after == nullptr ? kNothing : *after).properties;
    auto o = old_ones.begin();
    auto n = new_ones.begin();
    while (o != old_ones.end() || n != new_ones.end()) {
      const bool takes_old = n == new_ones.end() || (o != old_ones.end() && o->first <= n->first);
      const bool takes_new = o == old_ones.end() || (n != new_ones.end() && n->first <= o->first);
      const std::string_view property = takes_old ? o->first : n->first;
      const std::string old_value = takes_old ? (o++)->second : std::string();
      const std::string new_value = takes_new ? (n++)->second : std::string();
      if (old_value == new_value) continue;
      out_.push_back({.change = Change::changed,
                      .kind = key.kind,
                      .object = key.object,
                      .property = std::string(property),
                      .before = old_value,
                      .after = new_value});
    }
  }

  const Inventory& before_;
  const Inventory& after_;
  std::vector<Difference>& out_;
};

constexpr std::size_t kValueMax = 200;

std::string shown(std::string_view value) {
  if (value.empty()) return "(none)";
  if (value.size() <= kValueMax) return std::string(value);
  std::size_t end = kValueMax;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U)
    --end;
  return std::string(value.substr(0, end)) + "...";
}

} // namespace

std::string_view name_of(Change change) {
  switch (change) {
  case Change::added:
    return "added";
  case Change::removed:
    return "removed";
  case Change::changed:
    break;
  }
  return "changed";
}

Diff compare(const Snapshot& before, const Snapshot& after, const DiffOptions& options) {
  Diff diff;
  note_unknown(before, "before", options, diff);
  note_unknown(after, "after", options, diff);
  const Comparability comparable = comparability(before, after, options);
  const Inventory old_ones = take_inventory(before, comparable);
  const Inventory new_ones = take_inventory(after, comparable);
  Comparison(old_ones, new_ones, diff.differences).run();
  std::ranges::sort(diff.differences, {}, [](const Difference& each) {
    return std::tie(each.kind, each.object, each.property);
  });
  return diff;
}

std::string to_line(const Difference& difference) {
  std::string line =
      fmt::format("{} {} {}", name_of(difference.change), difference.kind, difference.object);
  if (difference.change != Change::changed) return line;
  // Digests say nothing to people.
  if (difference.before.starts_with("md5:") && difference.after.starts_with("md5:"))
    return fmt::format("{}: {}", line, difference.property);
  return fmt::format("{}: {} {} -> {}", line, difference.property, shown(difference.before),
                     shown(difference.after));
}

} // namespace pgkeep::catalog
