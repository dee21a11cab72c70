// Primary keys and what numbers them, as a text makes them.
#include <algorithm>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Severity;
using postgres::Node;

constexpr int kUuidV7 = 18;
constexpr std::size_t kKeyColumnsMax = 3; // As in the audit.

void missing_primary_key(const Context& context, TextSink& out) {
  for (const Change& change : changes_of(context.section)) {
    if (change.operation != Operation::create_table) continue;
    const TableState* const table = context.schema.find(change.relation);
    const bool is_judged = table != nullptr && table->is_created_here && table->are_columns_known &&
                           !table->is_partition && !table->columns.empty();
    if (!is_judged || table->primary_key() != nullptr) continue;
    const auto& all = table->constraints;
    const auto unique = std::ranges::find(all, 'u', &ConstraintState::type);
    const std::string hint =
        unique == all.end() ? std::string("Write id bigint GENERATED ALWAYS AS IDENTITY PRIMARY "
                                          "KEY, or PRIMARY KEY over the columns that name a row")
                            : fmt::format("Write PRIMARY KEY in place of UNIQUE on ({})",
                                          column_list(unique->columns));
    out.add(change.node.node("relation").offset().value_or(change.offset),
            {.object = change.relation.text(),
             .message = fmt::format("{} columns and no primary key: no row can be named",
                                    table->columns.size()),
             .evidence = Json{{"columns", static_cast<std::int64_t>(table->columns.size())},
                              {"has_unique", unique != all.end()}},
             .fix = write_instead(hint)});
  }
}

/// Whether the column alone is the primary key, by its own words or the table's.
bool is_primary_key(const LoneSubject& subject, const ColumnChange& column) {
  if (column.constraint("CONSTR_PRIMARY")) return true;
  const std::vector<std::string> alone = {std::string(column.name)};
  return std::ranges::any_of(subject.changes, [&](const Change& change) {
    return change.operation == Operation::add_primary_key &&
           postgres::strings_of(change.node.nodes("keys")) == alone;
  });
}

bool grows(const ColumnChange& column) {
  return !type_below_serial(column.type.name).empty() || column.constraint("CONSTR_IDENTITY") ||
         function_name(column.default_value()) == "nextval";
}

void int_key(const LoneSubject& subject, TextSink& out) {
  for (const ColumnChange& column : columns_of(subject)) {
    const std::string_view below = type_below_serial(column.type.name);
    const std::string_view type = below.empty() ? std::string_view(column.type.name) : below;
    const bool is_narrow = type == "int4" || type == "int2";
    if (!is_narrow || !grows(column) || !is_primary_key(subject, column)) continue;
    out.add(column.type_offset,
            {.object = column.object(),
             .message = fmt::format("a growing key of type {} ends at {}", column.type.text(),
                                    type == "int2" ? "32,767" : "2,147,483,647"),
             .evidence = Json{{"type", column.type.text()}},
             .fix = write_instead(fmt::format("Write {} bigint GENERATED ALWAYS AS IDENTITY",
                                              postgres::quote_identifier(column.name)))});
  }
}

void uuid_v4_key(const LoneSubject& subject, TextSink& out) {
  // Where the server cannot make ordered ones, random ones are right.
  if (subject.around.server_major < kUuidV7) return;
  for (const ColumnChange& column : columns_of(subject)) {
    const std::string_view made_by = function_name(column.default_value());
    const bool is_random = made_by == "gen_random_uuid" || made_by == "uuid_generate_v4";
    if (column.type.name != "uuid" || !is_random || !is_primary_key(subject, column)) continue;
    out.add(column.default_value().offset().value_or(column.offset),
            {.severity = Severity::info,
             .object = column.object(),
             .message = fmt::format("keys made by {}() are random: each insert lands on another "
                                    "page of the index",
                                    made_by),
             .evidence = Json{{"default", made_by}},
             .fix = write_instead("Write DEFAULT uuidv7(), unless nobody may learn when a row was "
                                  "made")});
  }
}

void serial(const LoneSubject& subject, TextSink& out) {
  for (const ColumnChange& column : columns_of(subject)) {
    const std::string_view below = type_below_serial(column.type.name);
    if (below.empty()) continue;
    out.add(column.type_offset,
            {.object = column.object(),
             .message = fmt::format("{} is a default and a sequence with rights of its own, and a "
                                    "number given by hand collides later",
                                    column.type.text()),
             .evidence = Json{{"type", column.type.text()}},
             .fix = write_instead(fmt::format("Write {} {} GENERATED ALWAYS AS IDENTITY",
                                              postgres::quote_identifier(column.name),
                                              below == "int2" ? "smallint" : "bigint"))});
  }
}

void identity_by_default(const LoneSubject& subject, TextSink& out) {
  for (const ColumnChange& column : columns_of(subject)) {
    const Node identity = column.constraint("CONSTR_IDENTITY");
    if (identity.text("generated_when") != "d") continue;
    out.add(identity.offset().value_or(column.offset),
            {.object = column.object(),
             .message = "accepts numbers given by hand, which the sequence later gives again",
             .evidence = Json{{"identity", "by default"}, {"type", column.type.text()}},
             .fix = write_instead("Write GENERATED ALWAYS AS IDENTITY; a load that brings its own "
                                  "numbers says OVERRIDING SYSTEM VALUE")});
  }
}

void key_composite_wide(const LoneSubject& subject, TextSink& out) {
  if (makes_temporary(subject.statement.root)) return;
  for (const Change& change : subject.changes) {
    const std::vector<std::string> columns = change.operation == Operation::add_primary_key
                                                 ? postgres::strings_of(change.node.nodes("keys"))
                                                 : std::vector<std::string>{};
    if (columns.size() <= kKeyColumnsMax) continue;
    out.add(change.offset,
            {.object = change.relation.text(),
             .message = fmt::format("the primary key has {} columns, and every table that points "
                                    "here must repeat them",
                                    columns.size()),
             .evidence = Json{{"columns", Json::list(columns)}},
             .fix = write_instead("Write a surrogate key, and UNIQUE over these columns")});
  }
}

constexpr TextRule kKeyRules[] = {
    {.card = shared_card("missing-primary-key"),
     .group = Group::design,
     .section = missing_primary_key},
    {.card = shared_card("int-key"), .group = Group::design, .lone = int_key, .nodes = "ColumnDef"},
    {.card = shared_card("uuid-v4-key"),
     .group = Group::design,
     .lone = uuid_v4_key,
     .nodes = "ColumnDef"},
    {.card = shared_card("serial"), .group = Group::design, .lone = serial, .nodes = "ColumnDef"},
    {.card = shared_card("identity-by-default"),
     .group = Group::design,
     .lone = identity_by_default,
     .nodes = "ColumnDef"},
    {.card = shared_card("key-composite-wide"),
     .group = Group::design,
     .lone = key_composite_wide,
     .nodes = "Constraint"},
};

} // namespace

const std::span<const TextRule> key_rules{kKeyRules};

} // namespace pgkeep::lint
