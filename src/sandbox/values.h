/// SQL expressions that make up the g-th value of a column: `g` counts from 1. Private to
/// src/sandbox. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::sandbox {

/// What CHECK constraints say of one column.
struct Bounds {
  std::vector<std::string> choices; ///< Literals of SQL: IN (...).
  std::string low = {};             ///< A constant, as SQL; empty = none.
  bool low_is_open = false;         ///< ">" and not ">=".
  std::string high = {};
  bool high_is_open = false;
  std::optional<int> length_max = {};
};
/// By column, from the definition as pg_get_constraintdef() writes it; what is not understood is
/// left out.
std::map<std::string, Bounds> bounds_of(std::string_view definition);

struct ColumnShape {
  std::string type;      ///< Of the base type: "int4", "varchar", "_text".
  std::string full_type; ///< format_type(): "character varying(40)", for casts.
  char category = 'U';   ///< pg_type.typtype: b, e, d, r, c, m.
  int modifier = -1;     ///< atttypmod, of the domain where there is one.
  bool is_unique = false;
  int average_width = 0;
  Bounds bounds;
};
/// nullopt where nothing can be made up for the type.
std::optional<std::string> value_expression(const ColumnShape& column);

} // namespace pgkeep::sandbox
