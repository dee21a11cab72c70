#include "catalog/type_verdicts.h"

#include "catalog/name_words.h"

namespace pgkeep::catalog {

TypeVerdict verdict_on_type(const TypedColumn& column) {
  const std::string_view type = column.type;
  // Most columns of most databases.
  if (is_one_of(type, {"int8", "int4", "uuid", "bool", "jsonb"})) return TypeVerdict::none;
  if (type == "float4" || type == "float8")
    return names_money(column.name) ? TypeVerdict::money_as_float : TypeVerdict::none;
  if (type == "numeric")
    return !column.modifier && names_money(column.name) ? TypeVerdict::numeric_without_scale
                                                        : TypeVerdict::none;
  if (type == "char") return TypeVerdict::char_type;
  if (type == "money") return TypeVerdict::money_type;
  if (type == "timetz") return TypeVerdict::timetz;
  if (type == "timestamp") return TypeVerdict::timestamp_without_zone;
  if (type == "timestamptz" && column.modifier == 0) return TypeVerdict::timestamp_precision;
  if (type == "json") return TypeVerdict::json_type;
  const bool is_reg = is_one_of(type, {"regcollation", "regconfig", "regdictionary", "regnamespace",
                                       "regoper", "regoperator", "regproc", "regprocedure"});
  return is_reg ? TypeVerdict::unsupported_reg : TypeVerdict::none;
}

bool has_arbitrary_limit(const TypedColumn& column) {
  constexpr std::int64_t kArbitraryLimit = 255;
  return column.type == "varchar" && column.modifier == kArbitraryLimit;
}

std::string_view message_of(TypeVerdict verdict) {
  switch (verdict) {
  case TypeVerdict::money_as_float:
    return "{} cannot hold most amounts exactly: sums are off by cents";
  case TypeVerdict::numeric_without_scale:
    return "{} without a scale: 0.1 and 0.1000000001 of an amount are both accepted";
  case TypeVerdict::varchar_limit:
    return "{} is a limit that nobody chose: it saves nothing and refuses the long value";
  case TypeVerdict::char_type:
    return "{} pads with blanks that some comparisons ignore and others do not";
  case TypeVerdict::money_type:
    return "{} has no currency, and its scale and text depend on the setting lc_monetary";
  case TypeVerdict::timetz:
    return "{} has an offset but no date, so no offset of a real zone can be right";
  case TypeVerdict::timestamp_without_zone:
    return "{} names no moment: what it means depends on who reads it where";
  case TypeVerdict::timestamp_precision:
    return "{} rounds, so a row can be up to half a second in the future";
  case TypeVerdict::json_type:
    return "{} is text that is parsed again by each query and cannot be indexed or compared";
  case TypeVerdict::unsupported_reg:
    return "{} holds an object's number that changes with the server: pg_upgrade refuses the "
           "database";
  default:
    return {};
  }
}

} // namespace pgkeep::catalog
