/// What must be dropped and made again because something else is. Private to src/migrate/declare.
/// Pure; one thread.
///
/// PostgreSQL drops nothing that something else needs, and refuses another type for a column that a
/// view, rule, policy, trigger, generated column or function reads. Indexes, constraints and
/// statistics follow a column's new type by themselves. Source: PostgreSQL manual, ddl-depend,
/// sql-altertable; catalog-pg-depend.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "migrate/declare/model.h"

namespace pgkeep::migrate::declaring {

/// Whether the table that a foreign key refers to leads back to the key's own, over foreign keys:
/// neither of such tables can be dropped before the key is.
bool is_in_circle(const Model& model, const Object& foreign_key);

class Rebuilds {
public:
  explicit Rebuilds(const Model& from);

  /// The object goes; `stays_away`: it is not made again.
  void drop(const Object& object, bool stays_away);
  /// The column gets another type.
  void change_type(const Address& column);
  /// The column is dropped and added again.
  void replace_column(const Address& column);
  /// The type is made anew under its name, and columns move over to it.
  void replace_type(const Address& type);

  /// Objects that were named, and all that must go with them.
  [[nodiscard]] bool is_dropped(const Object& object) const { return keys_.contains(object.key()); }
  /// A column that is dropped and added again.
  [[nodiscard]] bool is_replaced(const Address& column) const { return replaced_.contains(column); }
  /// A column that moves over to a new type of the same name, with its default.
  [[nodiscard]] bool is_moved(const Address& column) const { return moved_.contains(column); }
  /// A column whose type nobody could change before what reads it was dropped.
  [[nodiscard]] bool is_freed(const Address& column) const { return freed_.contains(column); }
  /// It goes, or stands on what goes.
  [[nodiscard]] bool stands_on_dropped(const Object& object) const;
  /// A column whose default must go before something is dropped.
  [[nodiscard]] const std::set<Address>& loose_defaults() const { return loose_defaults_; }
  [[nodiscard]] const std::set<Address>& replaced() const { return replaced_; }

private:
  enum class Cause { dropped, retyped };
  void spread(const Address& node, Cause cause);
  /// True: something is dropped, or dropped and added.
  bool reach(const Dependency& edge, Cause cause);

  const Model& from_;
  std::multimap<std::pair<std::uint32_t, std::uint32_t>, const Dependency*> on_ =
      {}; ///< By object.
  std::set<std::string> keys_ = {};
  std::set<Address> replaced_ = {};
  std::set<Address> moved_ = {};
  std::set<Address> freed_ = {};
  std::set<Address> loose_defaults_ = {};
  std::set<Address> seen_ = {};
};

} // namespace pgkeep::migrate::declaring
