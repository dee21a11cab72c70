#include "sandbox/statistics_slots.h"

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::sandbox {
namespace {

constexpr int kSlots = 5;
/// Source: src/include/catalog/pg_statistic.h, STATISTIC_KIND_*.
enum class Kind { mcv = 1, histogram, correlation, mcelem, dechist, range_length, bounds };
constexpr const char* kFloat8 = "701";
constexpr const char* kFloat8Less = "672";

struct Slot {
  Kind kind = Kind::mcv;
  std::string op = "0";
  std::string collation = "0";
  std::optional<std::string> numbers = {};
  std::optional<std::string> values = {};
  std::string type = "0";
};

std::optional<std::string> one_number(const std::optional<std::string>& number) {
  if (!number) return std::nullopt;
  return "{" + *number + "}";
}

std::vector<Slot> slots_of(const ValueStatistics& values, const TypeFacts& facts,
                           const std::string& type, const std::string& collation) {
  std::vector<Slot> slots;
  if (values.common)
    slots.push_back({.kind = Kind::mcv,
                     .op = facts.equal,
                     .collation = collation,
                     .numbers = values.common_shares,
                     .values = values.common,
                     .type = type});
  if (values.histogram)
    slots.push_back({.kind = Kind::histogram,
                     .op = facts.less,
                     .collation = collation,
                     .values = values.histogram,
                     .type = type});
  if (values.correlation)
    slots.push_back({.kind = Kind::correlation,
                     .op = facts.less,
                     .collation = collation,
                     .numbers = one_number(values.correlation)});
  const std::string& of_elements =
      facts.element_collation.empty() ? collation : facts.element_collation;
  if (values.common_elements)
    slots.push_back({.kind = Kind::mcelem,
                     .op = facts.element_equal,
                     .collation = of_elements,
                     .numbers = values.common_element_shares,
                     .values = values.common_elements,
                     .type = facts.element});
  if (values.element_counts)
    slots.push_back({.kind = Kind::dechist,
                     .op = facts.element_equal,
                     .collation = of_elements,
                     .numbers = values.element_counts});
  if (values.range_bounds)
    slots.push_back({.kind = Kind::bounds, .values = values.range_bounds, .type = facts.range});
  if (values.range_empty_share || values.range_lengths)
    slots.push_back({.kind = Kind::range_length,
                     .op = kFloat8Less,
                     .numbers = one_number(values.range_empty_share),
                     .values = values.range_lengths,
                     .type = kFloat8});
  if (slots.size() > kSlots) slots.resize(kSlots);
  return slots;
}

constexpr std::string_view kFunctions = R"(
CREATE FUNCTION pg_temp.base_type(oid) RETURNS oid LANGUAGE sql STABLE AS $$
  WITH RECURSIVE below(oid) AS (SELECT $1 UNION ALL SELECT t.typbasetype FROM below b
    JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
  SELECT b.oid FROM below b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd'
$$;
CREATE FUNCTION pg_temp.default_operator(type oid, wants_less bool) RETURNS oid LANGUAGE sql STABLE AS $$
  WITH class AS (SELECT m.amname, o.opcfamily, o.opcintype FROM pg_catalog.pg_type t
    CROSS JOIN pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
    JOIN pg_catalog.pg_type i ON i.oid = o.opcintype
    WHERE t.oid = pg_temp.base_type(type) AND o.opcdefault
      AND (m.amname = 'btree' OR m.amname = 'hash' AND NOT wants_less)
      AND (o.opcintype = t.oid
        OR o.opcintype = 'pg_catalog.anyarray'::pg_catalog.regtype AND t.typcategory = 'A'
        OR o.opcintype = 'pg_catalog.anyenum'::pg_catalog.regtype AND t.typtype = 'e'
        OR o.opcintype = 'pg_catalog.anyrange'::pg_catalog.regtype AND t.typtype = 'r'
        OR o.opcintype = 'pg_catalog.anymultirange'::pg_catalog.regtype AND t.typtype = 'm'
        OR o.opcintype = 'pg_catalog.record'::pg_catalog.regtype AND t.typtype = 'c'
        OR EXISTS (SELECT FROM pg_catalog.pg_cast k WHERE k.castsource = t.oid
          AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i'))
    ORDER BY m.amname, o.opcintype <> t.oid, NOT (i.typispreferred AND i.typcategory = t.typcategory)
    LIMIT 1)
  SELECT coalesce((SELECT p.amopopr FROM class c JOIN pg_catalog.pg_amop p ON p.amopfamily = c.opcfamily
    AND p.amoplefttype = c.opcintype AND p.amoprighttype = c.opcintype
    AND p.amopstrategy = CASE WHEN wants_less OR c.amname = 'hash' THEN 1 ELSE 3 END
    AND p.amoppurpose = 's'), 0)
$$;)";

/// The default collation of a database is what a tsvector's lexemes are compared by.
constexpr std::string_view kFacts =
    "SELECT y.oid, pg_temp.default_operator(y.oid, false), pg_temp.default_operator(y.oid, true), "
    "e.oid, CASE WHEN e.oid = 0 THEN 0 ELSE pg_temp.default_operator(e.oid, false) END, CASE WHEN "
    "b.oid = 'tsvector'::regtype THEN '100' ELSE '' END, CASE b.typtype WHEN 'r' THEN b.oid WHEN "
    "'m' THEN (SELECT r.rngtypid FROM pg_range r WHERE r.rngmultitypid = b.oid) ELSE 0 END FROM "
    "unnest($1::oid[]) y(oid) JOIN pg_type b ON b.oid = pg_temp.base_type(y.oid), LATERAL (SELECT "
    "CASE WHEN b.oid = 'tsvector'::regtype THEN 'text'::regtype::oid WHEN b.typcategory = 'A' THEN "
    "b.typelem ELSE 0 END) e(oid)";

} // namespace

std::string text_settings(std::string_view set) {
  std::string sql;
  for (const std::string_view each :
       {"search_path = pg_catalog", "DateStyle = 'ISO, MDY'", "IntervalStyle = postgres",
        "TimeZone = 'UTC'", "extra_float_digits = 1", "bytea_output = hex", "lc_monetary = 'C'",
        "xmloption = content", "quote_all_identifiers = off"})
    sql += fmt::format("{} {};", set, each);
  return sql;
}

base::Result<> prepare_type_facts(postgres::Connection& database) {
  return database.execute(std::string(kFunctions));
}

base::Result<std::map<std::string, TypeFacts>> type_facts(postgres::Connection& database,
                                                          const std::vector<std::string>& types) {
  const std::optional<std::string> parameters[] = {"{" + base::join(types, ",") + "}"};
  PGKEEP_TRY(const postgres::Rows rows, database.query(std::string(kFacts), parameters));
  std::map<std::string, TypeFacts> facts;
  for (int row = 0; row < rows.count(); ++row)
    facts[std::string(rows.text(row, 0))] = {.equal = std::string(rows.text(row, 1)),
                                             .less = std::string(rows.text(row, 2)),
                                             .element = std::string(rows.text(row, 3)),
                                             .element_equal = std::string(rows.text(row, 4)),
                                             .element_collation = std::string(rows.text(row, 5)),
                                             .range = std::string(rows.text(row, 6))};
  return facts;
}

std::string slots_sql(int first) {
  std::string sql = fmt::format("${}::real, ${}::int, ${}::real", first, first + 1, first + 2);
  // Column by column, as the catalog has them; a slot's six parameters stand together. array_in()
  // gives anyarray its type, which no cast can.
  for (int column = 0; column < 5; ++column) {
    for (int slot = 0; slot < kSlots; ++slot) {
      const int at = first + 3 + slot * 6 + column;
      if (column == 0) sql += fmt::format(", ${}::int2", at);
      if (column == 1 || column == 2) sql += fmt::format(", ${}::oid", at);
      if (column == 3) sql += fmt::format(", ${}::real[]", at);
      if (column == 4)
        sql += fmt::format(", pg_catalog.array_in(${}::cstring, ${}::oid, -1)", at, at + 1);
    }
  }
  return sql;
}

void add_slots(const ValueStatistics& values, const TypeFacts& facts, const std::string& type,
               const std::string& collation, Parameters& parameters) {
  parameters.insert(parameters.end(),
                    {values.null_fraction, values.average_width, values.distinct});
  const std::vector<Slot> slots = slots_of(values, facts, type, collation);
  for (const Slot& slot : slots)
    parameters.insert(parameters.end(), {std::to_string(static_cast<int>(slot.kind)), slot.op,
                                         slot.collation, slot.numbers, slot.values, slot.type});
  for (std::size_t empty = slots.size(); empty < kSlots; ++empty)
    parameters.insert(parameters.end(), {"0", "0", "0", std::nullopt, std::nullopt, "0"});
}

} // namespace pgkeep::sandbox
