/// The difference of two databases' schemas, from two Snapshots.
///
/// Equality is about what SQL made: not about oids, the order of columns, statistics, sizes or what
/// runs; pgkeep's own schema is left out. Names that the server chose count as they are; a renamed
/// object is one that was removed and one that was added. What belongs to a table that was added or
/// removed is not listed beside it. A section that one of the Snapshots does not have is `unknown`
/// and makes no difference. Between servers of different versions the texts that they write
/// differently are compared loosely (views, rules, SQL bodies: without the names of tables,
/// brackets and spaces).
/// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/snapshot.h"

namespace pgkeep::catalog {

enum class Change : std::uint8_t { added, removed, changed };
std::string_view name_of(Change change);

struct Difference {
  Change change = Change::changed;
  std::string
      kind; ///< "table", "column", "index", "constraint", "function", "view", "trigger", ...
  std::string object; ///< "public.orders.total", "own on public.orders", "public.f(a integer)".
  std::string property = {}; ///< Of a change: "type", "not null", "definition", "owner", ...
  std::string before = {};   ///< A value or a digest ("md5:..."); empty = it had none.
  std::string after = {};
};

struct DiffOptions {
  bool ignore_owners = false;
  bool ignore_grants = false;
  bool ignore_comments = false;
  /// ALTER DATABASE and ALTER ROLE IN DATABASE ... SET, the encoding and the locale.
  bool ignore_settings = false;
};

struct Diff {
  std::vector<Difference> differences; ///< By kind, object, property.
  std::vector<std::string> unknown;    ///< What could not be compared, and why.
  [[nodiscard]] bool is_equal() const { return differences.empty(); }
};

Diff compare(const Snapshot& before, const Snapshot& after, const DiffOptions& options = {});

/// A line for people: "changed column public.orders.total: type integer -> bigint".
std::string to_line(const Difference& difference);

} // namespace pgkeep::catalog
