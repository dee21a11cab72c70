// Calculations that are right for the rows of today: moments moved twice, months added one by one,
// totals that outgrow their type.
#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/always_true.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

/// AT TIME ZONE is a call of timezone(zone, moment).
bool is_zone_change(const Node& node) {
  return function_name(node) == "timezone" && node.nodes("args").size() == 2;
}

/// A moment, whatever the zone: not a date and time on some wall.
bool is_moment(const Node& node, const Query& query) {
  if (node.is("SQLValueFunction"))
    return is_one_of(node.name("op"), {"SVFOP_CURRENT_TIMESTAMP", "SVFOP_CURRENT_TIMESTAMP_N"});
  if (node.is("TypeCast")) return type_of(node.node("type_name")).name == "timestamptz";
  if (node.is("ColumnRef")) {
    const Meaning meaning = meaning_of(node, query);
    return meaning.column != nullptr && meaning.column->type.name == "timestamptz";
  }
  return is_one_of(function_name(node), {"now", "clock_timestamp", "statement_timestamp",
                                         "transaction_timestamp", "to_timestamp"});
}

void timezone_twice(const Subject& subject, TextSink& out) {
  for (const Query& query : queries_of(subject).all()) {
    walk_own(query, postgres::kinds<"FuncCall">(), [&](const Node& node) {
      if (!is_zone_change(node) || !is_zone_change(node.nodes("args")[1])) return true;
      const Node inner = node.nodes("args")[1];
      if (!is_moment(inner.nodes("args")[1], query)) return true;
      const auto first = string_constant(inner.nodes("args")[0]).value_or("one zone");
      const auto second = string_constant(node.nodes("args")[0]).value_or("another");
      out.add(
          place_of(subject, node),
          {.message = fmt::format("The time on the wall in {} is taken for one in {}: the result "
                                  "is another moment, off by what lies between the two",
                                  first, second),
           .evidence = Json{{"first", first}, {"second", second}},
           .fix = write_instead("Write AT TIME ZONE once: a timestamptz is a moment already; two "
                                "are for a timestamp that was kept in a known zone")});
      return true;
    });
  }
}

/// "interval '1 month'", "'3 mons'::interval", "make_interval(months => 1)": months or years in it.
bool is_months(const Node& node) {
  if (function_name(node) == "make_interval") return true;
  const bool is_interval =
      node.is("TypeCast") && type_of(node.node("type_name")).name == "interval";
  const auto text = is_interval ? string_constant(node) : std::nullopt;
  return text &&
         (text->find("mon") != std::string::npos || text->find("year") != std::string::npos);
}

void interval_month_chain(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"A_Expr">(), [&](const Node& node) {
    const bool is_sum = is_one_of(operator_of(node), {"+", "-"});
    const Node inner = is_sum ? node.node("lexpr") : Node{};
    const bool is_chain = is_one_of(operator_of(inner), {"+", "-"}) &&
                          is_months(node.node("rexpr")) && is_months(inner.node("rexpr"));
    if (!is_chain) return true;
    out.add(place_of(subject, node),
            {.message = "Months are added one after the other: each step is cut to the end of its "
                        "month, so from 31 January the way over February ends on the 28th",
             .evidence = Json{{"steps", 2}},
             .fix = write_instead("Write one interval, or n * interval '1 month' from the same "
                                  "beginning")});
    return true;
  });
}

bool is_small_integer(const Node& node, const Query& query) {
  if (!node.is("ColumnRef")) return false;
  const Meaning meaning = meaning_of(node, query);
  return meaning.column != nullptr &&
         is_one_of(meaning.column->type.name, {"int2", "int4", "serial"});
}

/// sum(x)::int, and sum(a * b) over two integers, whose product is one.
void sum_overflow(const Subject& subject, TextSink& out) {
  const auto add = [&](const Node& node, std::string message, const char* instead) {
    out.add(place_of(subject, node), {.message = std::move(message),
                                      .evidence = Json{{"bits", 32}},
                                      .fix = write_instead(instead)});
  };
  for (const Query& query : queries_of(subject).all()) {
    walk_own(query, postgres::kinds<"TypeCast FuncCall">(), [&](const Node& node) {
      const bool is_cast = node.is("TypeCast") && function_name(node.node("arg")) == "sum";
      if (is_cast && is_one_of(type_of(node.node("type_name")).name, {"int2", "int4"}))
        add(node.node("arg"),
            "The total is cut down to 32 bits: the query fails once it passes 2,147,483,647",
            "Leave the cast out, or write ::bigint");
      if (function_name(node) != "sum" || node.nodes("args").empty()) return true;
      const Node product = node.nodes("args")[0];
      if (operator_of(product) == "*" && is_small_integer(product.node("lexpr"), query) &&
          is_small_integer(product.node("rexpr"), query))
        add(product,
            "The product of two 32-bit columns has 32 bits: one row above 2,147,483,647 and the "
            "query fails, although the sum itself has room",
            "Cast one side to bigint or numeric");
      return true;
    });
  }
}

constexpr TextRule kArithmeticRules[] = {
    {.card = {.id = "timezone-twice",
              .aliases = "at-time-zone-twice",
              .title = "AT TIME ZONE twice on a moment",
              .why = "The first gives the time on a wall, the second reads it as that of another "
                     "place: reports and appointments are off by hours.",
              .how = "AT TIME ZONE once.",
              .source = "PostgreSQL manual, functions-datetime: AT TIME ZONE",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = timezone_twice,
     .nodes = "FuncCall"},
    {.card = {.id = "interval-month-chain",
              .title = "Months added one after the other",
              .why = "A subscription that began on the 31st is billed on the 28th for ever after "
                     "its first February.",
              .how = "One interval from the same beginning.",
              .source = "PostgreSQL manual, functions-datetime: Date/Time Operators",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = interval_month_chain,
     .nodes = "A_Expr"},
    {.card = {.id = "sum-overflow",
              .title = "Total that outgrows 32 bits",
              .why = "It works until the business does well, then every report fails.",
              .how = "bigint or numeric before the product, and no cast down after the sum.",
              .source = "PostgreSQL manual, functions-aggregate; datatype-numeric: Integer Types",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = sum_overflow,
     .nodes = "FuncCall"},
};

} // namespace

const std::span<const TextRule> arithmetic_rules{kArithmeticRules};

} // namespace pgkeep::lint
