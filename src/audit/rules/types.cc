// Column types. Each column gets at most one verdict that changes its type, so that no two written
// fixes undo each other: verdict_of() is the
// order of precedence, and each rule reports its own.
#include <algorithm>
#include <optional>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"
#include "audit/rules/type_change.h"
#include "audit/rules/type_consistency.h"
#include "catalog/type_verdicts.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Relation;

using Verdict = catalog::TypeVerdict;

catalog::TypedColumn typed(const Column& column) {
  constexpr std::int32_t kVarcharHeader = 4; // The type modifier counts it.
  catalog::TypedColumn typed{.name = column.name, .type = column.base_type};
  if (column.type_modifier >= 0)
    typed.modifier = column.type_modifier - (column.base_type == "varchar" ? kVarcharHeader : 0);
  return typed;
}

Verdict verdict_on_text(const Column& column) {
  // Without NameWords: this is asked of every text column by every rule.
  const std::string& name = column.name;
  const bool is_time_name = name.ends_with("_at") && name.size() > 3;
  const bool is_flag_name = name.starts_with("is_") || name.starts_with("has_");
  const bool is_unseen = !column.has_stats;
  if (column.flat_shape == "date" || (is_time_name && is_unseen)) return Verdict::date_as_text;
  if (column.flat_shape == "boolean" || is_flag_name) return Verdict::boolean_as_text;
  if (column.flat_shape == "json") return Verdict::json_as_text;
  if (column.flat_shape == "inet") return Verdict::ip_as_text;
  if (column.flat_shape == "number" && catalog::names_quantity(column.name))
    return Verdict::number_as_text;
  if (column.base_type == "bpchar") return Verdict::char_type;
  return catalog::has_arbitrary_limit(typed(column)) ? Verdict::varchar_limit : Verdict::none;
}

Verdict verdict_of(const Column& column) {
  return is_text(column.base_type) ? verdict_on_text(column)
                                   : catalog::verdict_on_type(typed(column));
}

/// What one rule says about each of its columns.
struct Saying {
  Verdict verdict = Verdict::none;
  std::string_view message = {}; ///< With {} for the type; empty: what lint says as well.
  NewType target;                ///< Empty type: manual.
  std::string_view manual = {};
  std::string_view try_type = {}; ///< For manual: the type to aim at.
};

Fix by_hand(const Relation& relation, const Column& column, const Saying& saying) {
  Fix fix{.safety = Safety::manual, .phase = Phase::types, .note = std::string(saying.manual)};
  if (!saying.try_type.empty()) {
    const std::string name = postgres::quote_identifier(column.name);
    fix.sql = {fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING {}::{}",
                           catalog::qualified_name(relation), name, saying.try_type, name,
                           saying.try_type)};
  }
  return fix;
}

void report(const Snapshot& db, const Saying& saying, Sink& out) {
  const std::string_view message =
      saying.message.empty() ? catalog::message_of(saying.verdict) : saying.message;
  std::optional<KeyGroups> groups;
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation)) continue;
    for (const Column& column : db.columns_of(relation)) {
      if (verdict_of(column) != saying.verdict || !column.generated.empty() ||
          is_inherited_column(db, relation, column))
        continue;
      Fix fix;
      if (saying.target.type.empty()) {
        fix = by_hand(relation, column, saying);
      } else {
        if (!groups) groups.emplace(db);
        NewType target = saying.target;
        // No text is assigned to a reg type without a cast.
        if (saying.verdict == Verdict::unsupported_reg) target.undo_using = "{}::" + column.type;
        fix = change_type(db, *groups, column, target);
      }
      out.add({.object = catalog::column_object(relation, column),
               .message = fmt::format(fmt::runtime(message), column.type),
               .evidence = Json{{"type", column.type}, {"rows", relation.rows}},
               .fix = std::move(fix)});
    }
  }
}

void money_as_float(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::money_as_float,
          .target = {.type = "numeric(19,4)",
                     .note = "Values are rounded to four places; widen the scale where four are "
                             "not enough."}},
         out);
}

void numeric_without_scale(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::numeric_without_scale,
          .target = {},
          .manual = "How many places the amounts have is a decision, and values with more would be "
                    "rounded: choose the scale, then change the type.",
          .try_type = "numeric(19,4)"},
         out);
}

void varchar_limit(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(
      db,
      {.verdict = Verdict::varchar_limit,
       .target = {.type = "text",
                  .is_free = true,
                  .note = "No rewrite. Where a limit is meant, add CHECK (char_length(x) <= n)."}},
      out);
}

void char_type(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::char_type,
          .target = {.type = "text",
                     .note = "Trailing blanks are dropped. Where the length matters, add CHECK "
                             "(char_length(x) = n)."}},
         out);
}

void money_type(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::money_type,
          .target = {.type = "numeric(19,2)",
                     .using_expression = "{0}::numeric",
                     .undo_using = "{0}::money",
                     .breaks_indexes = true,
                     .breaks_checks = true,
                     .note = "Keep the currency in a column of its own."}},
         out);
}

void timetz(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::timetz,
          .target = {},
          .manual =
              "Whether a moment (timestamptz) or a time of day (time) is meant is a decision, "
              "and the stored offsets are lost either way."},
         out);
}

void timestamp_without_zone(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::timestamp_without_zone,
          .target = {.type = "timestamp with time zone",
                     .using_expression = "{0} AT TIME ZONE 'UTC'",
                     .undo_using = "{0} AT TIME ZONE 'UTC'",
                     .breaks_indexes = true,
                     .note = "The zone in which the stored values were written must be known: the "
                             "statement takes them as UTC; put the right zone in its place."}},
         out);
}

void timestamp_precision(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::timestamp_precision,
          .target = {.type = "timestamp with time zone",
                     .is_free = true,
                     .note = "No rewrite. Cut with date_trunc() where whole seconds are wanted."}},
         out);
}

void json_type(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::json_type,
          .target = {.type = "jsonb",
                     .breaks_indexes = true,
                     .breaks_checks = true,
                     .note = "The order of keys, repeated keys and blanks are lost; \\u0000 in a "
                             "value makes it fail, and nothing is changed then."}},
         out);
}

constexpr std::string_view kSampled =
    "The values that were sampled fit, but whether all do, and whether the application sends and "
    "expects the new type, no statement knows: try it on a copy, then change column and code.";

void date_as_text(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::date_as_text,
          .message = "{} that holds dates: it sorts as text and accepts 31 February",
          .target = {},
          .manual = kSampled,
          .try_type = "timestamptz"},
         out);
}

void boolean_as_text(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::boolean_as_text,
          .message = "{} that holds yes or no: it accepts \"True \" and \"maybe\" too",
          .target = {},
          .manual = kSampled,
          .try_type = "boolean"},
         out);
}

void number_as_text(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::number_as_text,
          .message = "{} that holds numbers: \"10\" sorts before \"9\", and sums need casts",
          .target = {},
          .manual = kSampled,
          .try_type = "numeric"},
         out);
}

void ip_as_text(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::ip_as_text,
          .message = "{} that holds addresses: no check, no search by network",
          .target = {},
          .manual = kSampled,
          .try_type = "inet"},
         out);
}

void json_as_text(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::json_as_text,
          .message = "{} that holds JSON: a broken document comes in unseen",
          .target = {},
          .manual = kSampled,
          .try_type = "jsonb"},
         out);
}

void unsupported_reg(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  report(db,
         {.verdict = Verdict::unsupported_reg,
          .target = {.type = "text",
                     .using_expression = "{0}::text",
                     .undo_using = "{0}::{1}",
                     .breaks_indexes = true,
                     .breaks_checks = true,
                     .note = "The names stay; cast them where the object is needed."}},
         out);
}

constexpr std::string_view kWiki = "PostgreSQL wiki, Don't Do This";
constexpr Facts kColumnFacts =
    Facts::relations | Facts::columns | Facts::constraints | Facts::indexes;

constexpr Rule kTypeRules[] = {
    {.id = "money-as-float",
     .title = "Money in a floating-point column",
     .why = "Most decimal amounts have no exact binary form: sums and comparisons are wrong by "
            "cents, and nobody can say which.",
     .how = "numeric(p,s), or whole cents in a bigint, with the currency beside it.",
     .source = "PostgreSQL manual, datatype-numeric: Floating-Point Types",
     .severity = Severity::warning,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = money_as_float},
    {.id = "numeric-without-scale",
     .title = "Amount without a scale",
     .why = "Every writer rounds as it likes, and totals differ from the sum of what is shown.",
     .how = "numeric(p,s).",
     .source = "PostgreSQL manual, datatype-numeric: Arbitrary Precision Numbers",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = numeric_without_scale},
    {.id = "money-type",
     .aliases = "money",
     .title = "Type money",
     .why = "It holds no currency, and reads differently on a server of another locale.",
     .how = "numeric(p,s) and a column for the currency.",
     .source = kWiki,
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = money_type},
    {.id = "varchar-limit",
     .title = "varchar(255)",
     .why = "The limit saves nothing, and one day refuses a value that is right.",
     .how = "text, with a CHECK where a limit is meant.",
     .source = kWiki,
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = varchar_limit},
    {.id = "char-type",
     .title = "Type char(n)",
     .why = "Values are padded with blanks that count in some comparisons and not in others.",
     .how = "text, with a CHECK on the length.",
     .source = kWiki,
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = char_type},
    {.id = "timestamp-without-zone",
     .aliases = "timestamp-without-tz",
     .title = "Timestamp without time zone",
     .why = "It names no moment: sessions in other zones read another time, and one hour a year "
            "happens twice.",
     .how = "timestamptz.",
     .source = kWiki,
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = timestamp_without_zone},
    {.id = "timestamp-precision",
     .title = "Timestamp rounded to seconds",
     .why = "Rounding goes up too: a row can be younger than now().",
     .how = "timestamptz, and date_trunc() where seconds are wanted.",
     .source = kWiki,
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = timestamp_precision},
    {.id = "timetz",
     .title = "Type time with time zone",
     .why = "An offset without a date cannot follow a zone that changes it twice a year.",
     .how = "timestamptz for moments, time for times of day.",
     .source = kWiki,
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = timetz},
    {.id = "json-type",
     .title = "Type json",
     .why = "It is text: parsed by each query, no index, no equality.",
     .how = "jsonb.",
     .source = "PostgreSQL manual, datatype-json",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = json_type},
    {.id = "date-as-text",
     .title = "Dates in a text column",
     .why = "They sort as text, and dates that do not exist come in.",
     .how = "timestamptz or date.",
     .source = "PostgreSQL manual, datatype-datetime; sqlcheck",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = date_as_text},
    {.id = "boolean-as-text",
     .title = "Yes and no in a text column",
     .why = "Every spelling is accepted, and each query must know all of them.",
     .how = "boolean.",
     .source = "PostgreSQL manual, datatype-boolean; sqlcheck",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = boolean_as_text},
    {.id = "number-as-text",
     .title = "Numbers in a text column",
     .why = "They sort and compare as text, and sums need casts that one bad value breaks.",
     .how = "integer, bigint or numeric.",
     .source = "PostgreSQL manual, datatype-numeric; sqlcheck",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts | Facts::column_stats,
     .judge = number_as_text},
    {.id = "ip-as-text",
     .title = "Network addresses in a text column",
     .why = "Nothing checks them, and searching by network reads every row.",
     .how = "inet.",
     .source = "PostgreSQL manual, datatype-net-types",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts | Facts::column_stats,
     .judge = ip_as_text},
    {.id = "json-as-text",
     .title = "JSON in a text column",
     .why = "A broken document comes in unseen and breaks the query that casts it.",
     .how = "jsonb.",
     .source = "PostgreSQL manual, datatype-json",
     .severity = Severity::info,
     .area = Area::types,
     .needs = kColumnFacts | Facts::column_stats,
     .judge = json_as_text},
    {.id = "unsupported-reg",
     .aliases = "reg-type-column",
     .title = "Column of a reg type that pg_upgrade refuses",
     .why = "The next major upgrade stops at this column.",
     .how = "text, or regclass, regrole and regtype, which are allowed.",
     .source = "PostgreSQL manual, pgupgrade; splinter 0013",
     .severity = Severity::warning,
     .area = Area::types,
     .needs = kColumnFacts,
     .judge = unsupported_reg},
    {.id = "column-type-inconsistent",
     .title = "One name, several types",
     .why = "Joins between them cast on every row and use no index.",
     .how = "One type for one name.",
     .source = "pg-index-health",
     .severity = Severity::info,
     .area = Area::types,
     .needs = Facts::relations | Facts::columns,
     .judge = column_type_inconsistent},
};

} // namespace

const std::span<const Rule> type_rules{kTypeRules};

} // namespace pgkeep::audit
