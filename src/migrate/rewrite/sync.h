/// Two columns that a trigger keeps equal, whichever of them is written.
///
/// Private to src/migrate/rewrite. Pure. The trigger runs before the row is written and changes
/// nothing but that row: it never calls itself. An UPDATE that leaves both columns alone does not
/// call it, nor does one that makes them equal (a backfill: a third of its time).
#pragma once

#include <string>
#include <string_view>

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
  std::string update_when = {};  ///< What differing() says: when an UPDATE needs the function.

  [[nodiscard]] std::string function() const; ///< As SQL, with its schema.
  [[nodiscard]] std::string create_function(bool is_replaced) const;
  /// One for INSERT and one for UPDATE.
  [[nodiscard]] std::string create_triggers() const;
  /// Triggers and function.
  [[nodiscard]] std::string drop(bool is_if_exists) const;

private:
  [[nodiscard]] std::string trigger(std::string_view event) const; ///< Its name, as SQL.
};

struct Pair {
  std::string original; ///< As SQL.
  std::string copy;     ///< As SQL.
  std::string original_as =
      {}; ///< The original's value for the copy, over NEW; empty = cannot tell.
};
/// The condition of the trigger for UPDATE: a column of the pair was changed, and the copy is not
/// what the original gives. It stays true when the two change names: it follows the columns.
std::string differing(const Pair& pair, bool is_text_compared);

/// Whether values of the type can be compared: json and xml cannot.
bool has_equality(std::string_view base_type);

} // namespace pgkeep::migrate::rewriting
