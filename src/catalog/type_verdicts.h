/// What is said against the type of a column: one list for the audit, which sees values too, and
/// for lint, which sees text alone.
///
/// A column gets at most one verdict, so that no two findings ask for two types. Pure functions.
/// Sources: PostgreSQL manual, datatype; PostgreSQL wiki, Don't Do This.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgkeep::catalog {

enum class TypeVerdict : std::uint8_t {
  none,
  money_as_float,
  numeric_without_scale,
  varchar_limit,
  char_type,
  money_type,
  timetz,
  timestamp_without_zone,
  timestamp_precision,
  json_type,
  unsupported_reg,
  // By what a text holds, or its name says: each judge has its own way to tell.
  date_as_text,
  boolean_as_text,
  number_as_text,
  ip_as_text,
  json_as_text,
  // Lint alone.
  large_object,
  oid_column,
  xml,
  bytea_large,
};

struct TypedColumn {
  std::string_view name;
  std::string_view type;                     ///< As pg_type names it: "float8".
  std::optional<std::int64_t> modifier = {}; ///< 255 of varchar(255), 10 of numeric(10, 2).
};

/// Of any type but a text's; none for those that lint alone speaks of.
TypeVerdict verdict_on_type(const TypedColumn& column);
/// varchar(255): the limit that nobody chose.
bool has_arbitrary_limit(const TypedColumn& column);
/// What is wrong, with {} for the type; empty for verdicts that each judge words in its own way.
std::string_view message_of(TypeVerdict verdict);

} // namespace pgkeep::catalog
