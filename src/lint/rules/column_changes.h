/// What design rules read: the columns that a statement makes or changes, and the fix of a text
/// that has not run yet. Private to src/lint/rules. Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/type_verdicts.h"
#include "findings/finding.h"
#include "lint/rules/places.h"
#include "lint/text_rule.h"

namespace pgkeep::lint {

/// A column of a table that stays: temporary tables have none.
struct ColumnChange {
  RelationName relation;
  std::string_view name;
  postgres::Node definition;   ///< ColumnDef.
  TypeText type;               ///< No name where the statement gives none (typed tables).
  std::size_t offset = 0;      ///< Of the column.
  std::size_t type_offset = 0; ///< Of its type.
  bool is_new = true;          ///< ALTER COLUMN TYPE: false.
  /// Kept by the first rule about types that asks.
  mutable std::optional<catalog::TypeVerdict> verdict = {};

  [[nodiscard]] std::string object() const; ///< "public.orders.author_id".
  /// The column's own constraint of this kind ("CONSTR_IDENTITY"); none where it has none.
  [[nodiscard]] postgres::Node constraint(std::string_view type) const;
  /// The expression of DEFAULT; none where there is none.
  [[nodiscard]] postgres::Node default_value() const;
};
/// Made once for all rules.
const std::vector<ColumnChange>& columns_of(const LoneSubject& subject);

/// Whether CREATE TABLE lists all columns: none come from another table or a type.
bool are_columns_listed(const postgres::Node& create);

/// Every change of the section, in order: for rules that judge at its end.
const std::vector<std::reference_wrapper<const Change>>& changes_of(const Section& section);
/// "a, b", quoted where needed.
std::string column_list(const std::vector<std::string>& columns);

bool is_text_type(std::string_view type);
/// int2, int4, int8.
bool is_integer_type(std::string_view type);
/// The type below a serial: "bigserial" -> int8; empty for other types.
std::string_view type_below_serial(std::string_view type);

/// The names of functions in a call: {"pg_catalog", "now"} -> "now".
std::string_view function_name(const postgres::Node& call);
/// The columns that an expression mentions, each once: the last part of their names.
std::vector<std::string> columns_in(const postgres::Node& expression);
/// The text of a string constant; the casts around it are looked through. None where it is none.
std::optional<std::string_view> string_view_constant(const postgres::Node& node);
/// The same, as a text of its own.
std::optional<std::string> string_constant(const postgres::Node& node);
std::optional<std::int64_t> integer_constant(const postgres::Node& node);
/// NULL, perhaps with a cast.
bool is_null_constant(const postgres::Node& node);
bool is_constant(const postgres::Node& node);

/// The text has not run: the fix is to write something else.
findings::Fix write_instead(std::string note, std::vector<std::string> sql = {});

} // namespace pgkeep::lint
