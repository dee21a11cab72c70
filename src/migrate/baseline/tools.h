/// The history tables of other tools, as data: how each is known, and how its rows are read.
/// Private to src/migrate.
#pragma once

#include <span>
#include <string_view>

namespace pgkeep::migrate {

/// How files are known to belong to rows.
struct Tool {
  std::string_view name;   ///< "golang-migrate": for --from.
  std::string_view title;  ///< As its makers write it.
  std::string_view tables; ///< Names that it may have, space separated.
  /// Columns that it must have; none but these with has_no_others.
  std::string_view columns;
  bool has_no_others = false;
  std::string_view beside = {}; ///< A table of the same schema, where others use the name as well.
  /// One row a migration: version, name, other name, state, note; all texts, '' for nothing. {} is
  /// the table. States: "applied", "failed", and "through": it and all before it are applied.
  std::string_view rows;
  /// What stands in a file before each of its parts, where rows are about parts.
  std::string_view part_marker = {};
  std::string_view mend; ///< What to do about a failed row, one sentence.
};

/// Those that share a table's name stand in the order in which they are tried.
std::span<const Tool> known_tools();

} // namespace pgkeep::migrate
