/// Two columns that a trigger keeps equal, whichever of them is written.
///
/// Private to src/migrate/rewrite. Pure. The trigger runs before the row is written and changes
/// nothing but that row: it never calls itself.
#pragma once

#include <string>

#include "migrate/rewrite/work.h"

namespace pgkeep::migrate::rewriting {

struct Sync {
  const Target& table;
  std::string column; ///< For the names of function and trigger: the statement's.
  std::string first;  ///< As SQL. The one that has the default: what is given for the other wins.
  std::string second; ///< As SQL.
  std::string second_value;        ///< What `first` gives: an expression over NEW.
  std::string first_value;         ///< The way back; empty where nobody can tell.
  bool is_second_fallible = false; ///< NULL where the value does not fit, instead of an error.
  bool is_first_fallible = false;
  bool is_text_compared = false; ///< One of the types has no equality.

  [[nodiscard]] std::string function() const; ///< As SQL, with its schema.
  [[nodiscard]] std::string trigger() const;  ///< As SQL.
  [[nodiscard]] std::string create_function(bool is_replaced) const;
  [[nodiscard]] std::string create_trigger() const;
  /// Trigger and function, both.
  [[nodiscard]] std::string drop(bool is_if_exists) const;
};

/// Whether values of the type can be compared: json and xml cannot.
bool has_equality(std::string_view base_type);

} // namespace pgkeep::migrate::rewriting
