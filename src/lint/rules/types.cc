// Types of columns. Each column gets at most one verdict, as in the audit, so that no two findings
// ask for two types: find_verdict() is the order of precedence, and each rule reports its own.
#include <fmt/format.h>

#include "catalog/name_words.h"
#include "catalog/type_verdicts.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

using Verdict = catalog::TypeVerdict;

bool is_flag_name(std::string_view name) {
  return name.starts_with("is_") || name.starts_with("has_");
}

/// "ip", "client_ip", "ip_address"; not "zip_address", whose word is another.
bool is_address_name(std::string_view name) {
  const catalog::NameWords split(name);
  const auto words = split.all();
  if (words.empty()) return false;
  const bool ends_in_ip = is_one_of(words.back(), {"ip", "ipaddr", "ipaddress"});
  const bool is_pair = words.size() > 1 && words[words.size() - 2] == "ip" &&
                       is_one_of(words.back(), {"address", "addr"});
  return ends_in_ip || is_pair;
}

/// Fewer names than the audit trusts, which sees values: "size" may be S, M and L.
bool is_number_name(std::string_view name) {
  const catalog::NameWords split(name);
  const auto words = split.all();
  return catalog::names_money(name) ||
         (!words.empty() && is_one_of(words.back(), {"count", "quantity", "qty", "age"}));
}

/// What holds whole files, as far as its name says.
bool is_file_name(std::string_view name) {
  const catalog::NameWords split(name);
  const auto words = split.all();
  const bool is_part = catalog::any_word(words, {"hash", "digest", "key", "signature", "checksum"});
  return !is_part &&
         catalog::any_word(words, {"file", "image", "photo", "picture", "pdf", "document", "video",
                                   "audio", "attachment", "blob", "scan", "thumbnail", "avatar"});
}

catalog::TypedColumn typed(const ColumnChange& column) {
  catalog::TypedColumn typed{.name = column.name, .type = column.type.name};
  if (!column.type.modifiers.empty()) typed.modifier = column.type.modifiers.front();
  return typed;
}

Verdict verdict_on_text(const ColumnChange& column) {
  const std::string_view name = column.name;
  const bool is_time_name = (name.ends_with("_at") && name.size() > 3) || name.ends_with("_date");
  if (is_time_name) return Verdict::date_as_text;
  if (is_flag_name(name)) return Verdict::boolean_as_text;
  if (name == "json" || name.ends_with("_json")) return Verdict::json_as_text;
  if (is_address_name(name)) return Verdict::ip_as_text;
  if (is_number_name(name)) return Verdict::number_as_text;
  if (column.type.name == "bpchar") return Verdict::char_type;
  return catalog::has_arbitrary_limit(typed(column)) ? Verdict::varchar_limit : Verdict::none;
}

Verdict find_verdict(const ColumnChange& column) {
  const std::string& type = column.type.name;
  if (!column.type.schema.empty() || column.type.is_array) return Verdict::none;
  if (is_text_type(type)) return verdict_on_text(column);
  if (is_one_of(type, {"int2", "int4"}))
    return is_flag_name(column.name) ? Verdict::boolean_as_text : Verdict::none;
  if (type == "lo") return Verdict::large_object;
  if (type == "oid") return Verdict::oid_column;
  if (type == "xml") return Verdict::xml;
  if (type == "bytea") return is_file_name(column.name) ? Verdict::bytea_large : Verdict::none;
  return catalog::verdict_on_type(typed(column));
}

/// Fourteen rules and more ask about the same column.
Verdict verdict_of(const ColumnChange& column) {
  if (!column.verdict) column.verdict = find_verdict(column);
  return *column.verdict;
}

/// What one rule says about each of its columns.
struct Saying {
  std::string_view instead; ///< The type to write.
  std::string_view note = {};
  std::string_view message = {}; ///< With {} for the type; empty: what the audit says as well.
};

void report(const LoneSubject& subject, Verdict verdict, const Saying& saying, TextSink& out) {
  const std::string_view message =
      saying.message.empty() ? catalog::message_of(verdict) : saying.message;
  for (const ColumnChange& column : columns_of(subject)) {
    if (verdict_of(column) != verdict) continue;
    out.add(
        column.type_offset,
        {.object = column.object(),
         .message = fmt::format(fmt::runtime(message), column.type.text()),
         .evidence = Json{{"type", column.type.text()}, {"instead", std::string(saying.instead)}},
         .fix = write_instead(fmt::format("Write {} {} here{}{}",
                                          postgres::quote_identifier(column.name), saying.instead,
                                          saying.note.empty() ? "" : ", ", saying.note))});
  }
}

void money_as_float(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::money_as_float, {"numeric(19,4)", "or whole cents in a bigint"}, out);
}
void numeric_without_scale(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::numeric_without_scale,
         {"numeric(19,4)", "with the scale that the amounts have"}, out);
}
void varchar_limit(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::varchar_limit,
         {"text", "with a CHECK on char_length() where a limit is meant"}, out);
}
void char_type(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::char_type,
         {"text", "with a CHECK on char_length() where the length matters"}, out);
}
void money_type(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::money_type,
         {"numeric(19,2)", "and keep the currency in a column of its own"}, out);
}
void timetz(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::timetz, {"timestamptz", "or time where a time of day is meant"}, out);
}
void timestamp_without_zone(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::timestamp_without_zone, {"timestamptz", ""}, out);
}
void timestamp_precision(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::timestamp_precision,
         {"timestamptz", "and cut with date_trunc() where whole seconds are wanted"}, out);
}
void json_type(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::json_type, {"jsonb", "unless the order of keys must survive"}, out);
}
void date_as_text(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::date_as_text,
         {"timestamptz", "or date",
          "{} for what its name says is a time: it sorts as text and accepts 31 February"},
         out);
}
void boolean_as_text(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::boolean_as_text,
         {"boolean", "",
          "{} for what its name says is yes or no: it accepts \"True \", \"maybe\" and 7 too"},
         out);
}
void number_as_text(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::number_as_text,
         {"numeric", "or an integer type",
          "{} for what its name says is a number: \"10\" sorts before \"9\", and sums need casts"},
         out);
}
void ip_as_text(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::ip_as_text,
         {"inet", "", "{} for what its name says is an address: no check, no search by network"},
         out);
}
void json_as_text(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::json_as_text,
         {"jsonb", "", "{} for what its name says is JSON: a broken document comes in unseen"},
         out);
}
void unsupported_reg(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::unsupported_reg, {"text", "and cast it where the object is needed"},
         out);
}
void large_object(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::large_object,
         {"bytea", "or keep the file in an object store and its address here",
          "{} names a large object: it is not deleted with the row, and logical replication leaves "
          "it out"},
         out);
}
void xml(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::xml,
         {"text", "or jsonb and columns for what queries read",
          "{} has no comparison and no index, and each query parses it again"},
         out);
}
void bytea_large(const LoneSubject& subject, TextSink& out) {
  report(subject, Verdict::bytea_large,
         {"text", "with the address of the file in an object store",
          "{} for what its name says is a whole file: it is read, logged, replicated and backed up "
          "with every row"},
         out);
}
void oid_column(const LoneSubject& subject, TextSink& out) {
  report(
      subject, Verdict::oid_column,
      {"bigint", "or regclass for a table's name",
       "{} holds 32 bits and names large objects or catalog rows, whose numbers change at a dump "
       "and restore"},
      out);
}

void current_time(const LoneSubject& subject, TextSink& out) {
  postgres::walk(
      subject.statement.root, postgres::kinds<"SQLValueFunction">(), [&](const Node& node) {
        if (!node.is("SQLValueFunction")) return true;
        const std::string_view function = node.name("op");
        if (!is_one_of(function, {"SVFOP_CURRENT_TIME", "SVFOP_CURRENT_TIME_N"})) return true;
        out.add(
            node.offset().value_or(subject.statement.begin),
            {.message = "CURRENT_TIME is a time with a zone and without a date, so it cannot be "
                        "compared across a day or a change of the clock",
             .evidence = Json{{"function", "CURRENT_TIME"}, {"type", "timetz"}},
             .fix = write_instead("Write now(), CURRENT_TIMESTAMP, or LOCALTIME where a time of "
                                  "day is meant")});
        return true;
      });
}

constexpr TextRule kTypeRules[] = {
    {.card = shared_card("money-as-float"),
     .group = Group::design,
     .lone = money_as_float,
     .nodes = "ColumnDef"},
    {.card = shared_card("numeric-without-scale"),
     .group = Group::design,
     .lone = numeric_without_scale,
     .nodes = "ColumnDef"},
    {.card = shared_card("varchar-limit"),
     .group = Group::design,
     .lone = varchar_limit,
     .nodes = "ColumnDef"},
    {.card = shared_card("char-type"),
     .group = Group::design,
     .lone = char_type,
     .nodes = "ColumnDef"},
    {.card = shared_card("money-type"),
     .group = Group::design,
     .lone = money_type,
     .nodes = "ColumnDef"},
    {.card = shared_card("timetz"), .group = Group::design, .lone = timetz, .nodes = "ColumnDef"},
    {.card = shared_card("timestamp-without-zone"),
     .group = Group::design,
     .lone = timestamp_without_zone,
     .nodes = "ColumnDef"},
    {.card = shared_card("timestamp-precision"),
     .group = Group::design,
     .lone = timestamp_precision,
     .nodes = "ColumnDef"},
    {.card = shared_card("json-type"),
     .group = Group::design,
     .lone = json_type,
     .nodes = "ColumnDef"},
    {.card = shared_card("date-as-text"),
     .group = Group::design,
     .lone = date_as_text,
     .nodes = "ColumnDef"},
    {.card = shared_card("boolean-as-text"),
     .group = Group::design,
     .lone = boolean_as_text,
     .nodes = "ColumnDef"},
    {.card = shared_card("number-as-text"),
     .group = Group::design,
     .lone = number_as_text,
     .nodes = "ColumnDef"},
    {.card = shared_card("ip-as-text"),
     .group = Group::design,
     .lone = ip_as_text,
     .nodes = "ColumnDef"},
    {.card = shared_card("json-as-text"),
     .group = Group::design,
     .lone = json_as_text,
     .nodes = "ColumnDef"},
    {.card = shared_card("unsupported-reg"),
     .group = Group::design,
     .lone = unsupported_reg,
     .nodes = "ColumnDef"},
    {.card = {.id = "large-object",
              .title = "Column of large objects",
              .why = "A deleted row leaves its large object behind, rights are kept apart, and "
                     "logical replication does not carry it.",
              .how = "bytea for small files, an object store for large ones.",
              .source = "PostgreSQL manual, lo and logical-replication-restrictions",
              .severity = Severity::warning,
              .area = Area::types},
     .group = Group::design,
     .lone = large_object,
     .nodes = "ColumnDef"},
    {.card = {.id = "xml",
              .title = "Column of type xml",
              .why = "It cannot be compared or indexed, and whoever reads a part parses all.",
              .how = "text where it is only kept; jsonb or columns where it is queried.",
              .source = "PostgreSQL manual, datatype-xml: Accessing XML Values",
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::design,
     .lone = xml,
     .nodes = "ColumnDef"},
    {.card = {.id = "bytea-large",
              .title = "Files kept in a bytea column",
              .why = "They fill the WAL, replicas and backups, and each is in memory whole, up to "
                     "1 GB.",
              .how = "An object store, with the address, size and hash in the table.",
              .source = "PostgreSQL manual, datatype-binary; storage-toast; SQLCheck",
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::design,
     .lone = bytea_large,
     .nodes = "ColumnDef"},
    {.card = {.id = "oid-column",
              .title = "Column of type oid",
              .why = "Its numbers belong to the server's catalog and change at a restore; 32 bits "
                     "wrap around.",
              .how = "bigint for keys of one's own, regclass for names of tables.",
              .source = "PostgreSQL manual, datatype-oid",
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::design,
     .lone = oid_column,
     .nodes = "ColumnDef"},
    {.card = {.id = "current-time",
              .title = "CURRENT_TIME",
              .why = "Its type is timetz: an offset without a date, wrong twice a year.",
              .how = "now() for moments, LOCALTIME for times of day.",
              .source = "PostgreSQL wiki, Don't Do This",
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::design,
     .lone = current_time,
     .nodes = "SQLValueFunction"},
};

} // namespace

const std::span<const TextRule> type_rules{kTypeRules};

} // namespace pgkeep::lint
