// One function a pair. search_path is pinned: nothing that a caller has in its own can stand before
// what the function calls.
#include "migrate/rewrite/sync.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::quote_identifier;

std::string name_of(const Sync& sync) {
  return Names::fixed(fmt::format("pgkeep_sync_{}_{}", sync.table.name.name, sync.column));
}

/// "NEW.a := x;", in a block that catches what does not fit.
std::string assign(std::string_view column, std::string_view value, bool is_fallible,
                   std::string_view indent) {
  if (!is_fallible) return fmt::format("{}NEW.{} := {};\n", indent, column, value);
  return fmt::format("{0}BEGIN\n{0}  NEW.{1} := {2};\n"
                     "{0}EXCEPTION WHEN data_exception OR cannot_coerce THEN\n"
                     "{0}  NEW.{1} := NULL;\n{0}END;\n",
                     indent, column, value);
}

} // namespace

bool has_equality(std::string_view base_type) {
  constexpr auto without =
      std::to_array<std::string_view>({"json", "xml", "point", "polygon", "box", "circle", "line",
                                       "lseg", "path", "jsonpath", "aclitem", "refcursor"});
  return std::ranges::find(without, base_type) == without.end();
}

std::string differing(const Pair& pair, bool is_text_compared) {
  const std::string cast = is_text_compared ? "::text" : "";
  const auto changed = [&](const std::string& name) {
    return fmt::format("NEW.{0}{1} IS DISTINCT FROM OLD.{0}{1}", name, cast);
  };
  std::string any = fmt::format("{} OR {}", changed(pair.original), changed(pair.copy));
  if (pair.original_as.empty()) return any;
  return fmt::format("({})\n  AND NEW.{}{} IS DISTINCT FROM {}{}", any, pair.copy, cast,
                     pair.original_as, cast);
}

std::string Sync::function() const {
  return table.beside(name_of(*this));
}

std::string Sync::trigger(std::string_view event) const {
  // Triggers fire in the order of their names: this one must see what others have made of the row.
  return quote_identifier(
      Names::fixed(fmt::format("zz_pgkeep_sync_{}_{}_{}", event, table.name.name, column)));
}

std::string Sync::create_function(bool is_replaced) const {
  const std::string cast = is_text_compared ? "::text" : "";
  std::string back;
  std::string insert_back = "    END IF;\n";
  std::string declaration;
  if (!first_value.empty()) {
    insert_back =
        "    ELSE\n" + assign(first, first_value, is_first_fallible, "      ") + "    END IF;\n";
    declaration = fmt::format("DECLARE\n  expected {}.{}%TYPE;\n", table.text, second);
    std::string expected = fmt::format("    expected := {};\n", second_value);
    if (is_second_fallible)
      expected = fmt::format("    BEGIN\n      expected := {};\n"
                             "    EXCEPTION WHEN data_exception OR cannot_coerce THEN\n"
                             "      expected := NULL;\n    END;\n",
                             second_value);
    // A value that is what the first gives (a backfill's) must not come back changed.
    back = fmt::format("  ELSIF NEW.{0}{1} IS DISTINCT FROM OLD.{0}{1} THEN\n{2}"
                       "    IF NEW.{0}{1} IS DISTINCT FROM expected{1} THEN\n{3}    END IF;\n",
                       second, cast, expected,
                       assign(first, first_value, is_first_fallible, "      "));
  }
  return fmt::format(
      "{}FUNCTION {}() RETURNS trigger\nLANGUAGE plpgsql SET search_path = '' AS $pgkeep$\n{}"
      "BEGIN\n"
      "  IF TG_OP = 'INSERT' THEN\n"
      "    IF NEW.{} IS NULL THEN\n{}{}"
      "  ELSIF NEW.{}{} IS DISTINCT FROM OLD.{}{} THEN\n{}{}"
      "  END IF;\n"
      "  RETURN NEW;\n"
      "END\n$pgkeep$",
      is_replaced ? "CREATE OR REPLACE " : "CREATE ", function(), declaration, second,
      assign(second, second_value, is_second_fallible, "      "), insert_back, first, cast, first,
      cast, assign(second, second_value, is_second_fallible, "    "), back);
}

std::string Sync::create_triggers() const {
  return fmt::format("CREATE TRIGGER {0} BEFORE INSERT ON {2}\n"
                     "FOR EACH ROW EXECUTE FUNCTION {3}();\n"
                     "CREATE TRIGGER {1} BEFORE UPDATE ON {2}\n"
                     "FOR EACH ROW WHEN ({4})\nEXECUTE FUNCTION {3}()",
                     trigger("insert"), trigger("update"), table.text, function(), update_when);
}

std::string Sync::drop(bool is_if_exists) const {
  const std::string_view exists = is_if_exists ? "IF EXISTS " : "";
  return fmt::format("DROP TRIGGER {0}{1} ON {3};\nDROP TRIGGER {0}{2} ON {3};\n"
                     "DROP FUNCTION {0}{4}()",
                     exists, trigger("insert"), trigger("update"), table.text, function());
}

} // namespace pgkeep::migrate::rewriting
