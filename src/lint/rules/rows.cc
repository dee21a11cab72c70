// Rows that statements change or empty without a limit, and beside locks of DDL.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/units.h"
#include "lint/families.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;
using postgres::Node;

/// More rows than this in one statement want batches. Source: pgkeep.
constexpr double kBatchRowsMax = 10'000;

/// Tables that a foreign key of theirs empties along with the relation, and those of these.
std::vector<std::string> emptied_along(const Schema& schema, const RelationName& relation) {
  std::vector<const TableState*> reached = {schema.find(relation)};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (reached[i] == nullptr) continue;
    for (const TableState* const table : schema.referencing(reached[i]->name)) {
      if (std::ranges::find(reached, table) != reached.end()) continue;
      reached.push_back(table);
      names.push_back(table->name.text());
    }
  }
  return names;
}

void truncate(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::truncate || !context.is_in_use(change.relation)) continue;
    if (change.node.name("behavior") == "DROP_CASCADE") continue; // truncate-cascade says it.
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.object = change.relation.text(),
             .message = fmt::format("{} is emptied under a lock that blocks reads, and older "
                                    "snapshots see it empty too",
                                    context.with_size(change.relation)),
             .evidence = Json{{"table", change.relation.text()}},
             .fix = by_hand("No statement brings the rows back. Delete in batches, or rename an "
                            "empty table into its place and keep the old one for a while.")});
  }
}

void truncate_cascade(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::truncate || !context.is_in_use(change.relation) ||
        change.node.name("behavior") != "DROP_CASCADE")
      continue;
    const std::vector<std::string> along = emptied_along(context.schema, change.relation);
    out.add(offset_of_word(subject, "cascade", change.offset),
            {.object = change.relation.text(),
             .message = along.empty()
                            ? fmt::format("{} is emptied, and every table that refers to it, "
                                          "whatever its foreign keys say on delete",
                                          context.with_size(change.relation))
                            : fmt::format("{} is emptied, and with it {}",
                                          context.with_size(change.relation), enumerate(along)),
             .evidence = Json{{"table", change.relation.text()}, {"along", Json::list(along)}},
             .fix = by_hand("No statement brings the rows back. Name every table that is meant "
                            "and leave CASCADE out: then the server refuses surprises.")});
  }
}

bool is_always_true(const Node& condition);

bool is_always_false(const Node& condition) {
  if (condition.is("TypeCast")) return is_always_false(condition.node("arg"));
  if (condition.is("A_Const")) {
    const Node value = condition.node("boolval");
    return value && !value.flag("boolval");
  }
  if (condition.is("BoolExpr") && condition.name("boolop") == "NOT_EXPR")
    return is_always_true(condition.nodes("args").front());
  return false;
}

/// "1 = 1", "true", "x = x", and what AND and OR make of these.
bool is_always_true(const Node& condition) {
  if (condition.is("A_Const")) return condition.node("boolval").flag("boolval");
  if (condition.is("TypeCast"))
    return is_always_true(condition.node("arg")) ||
           text_constant(condition.node("arg")).starts_with('t');
  if (condition.is("BoolExpr")) {
    const postgres::NodeList parts = condition.nodes("args");
    const std::string_view operation = condition.name("boolop");
    if (operation == "NOT_EXPR") return is_always_false(parts.front());
    return operation == "OR_EXPR" ? std::ranges::any_of(parts, is_always_true)
                                  : std::ranges::all_of(parts, is_always_true);
  }
  if (!condition.is("A_Expr") || condition.name("kind") != "AEXPR_OP") return false;
  const std::vector<std::string> name = postgres::strings_of(condition.nodes("name"));
  const bool is_equality = name.size() == 1 && name.front() == "=";
  const Node left = condition.node("lexpr");
  return is_equality && left && (left.is("A_Const") || left.is("ColumnRef")) &&
         postgres::digest(left) == postgres::digest(condition.node("rexpr"));
}

/// Statements that define or explain something are not run here.
bool runs_rows(const Node& root) {
  return root.is("SelectStmt") || root.is("InsertStmt") || root.is("UpdateStmt") ||
         root.is("DeleteStmt") || root.is("CreateTableAsStmt");
}

/// The UPDATEs or DELETEs of a statement, those of its WITH too, that meet every row.
std::vector<Node> unlimited(const Subject& subject, std::string_view kind) {
  std::vector<Node> found;
  if (!runs_rows(subject.statement.root)) return found;
  postgres::walk(subject.statement.root, postgres::kinds<"UpdateStmt DeleteStmt">(),
                 [&](const Node& node) {
                   if (!node.is(kind)) return true;
                   const Node condition = node.node("where_clause");
                   const bool is_limited = condition && !is_always_true(condition);
                   if (!is_limited && subject.context.is_in_use(relation_of(node.node("relation"))))
                     found.push_back(node);
                   return true;
                 });
  return found;
}

std::size_t offset_of_relation(const LoneSubject& subject, const Node& statement) {
  return statement.node("relation").offset().value_or(subject.statement.begin);
}

void delete_without_where(const Subject& subject, TextSink& out) {
  for (const Node& node : unlimited(subject, "DeleteStmt")) {
    const RelationName table = relation_of(node.node("relation"));
    const bool has_where = static_cast<bool>(node.node("where_clause"));
    out.add(offset_of_relation(subject, node),
            {.object = table.text(),
             .message =
                 fmt::format("DELETE removes every row of {}{}", subject.context.with_size(table),
                             has_where ? ": its WHERE is always true" : ""),
             .evidence = Json{{"table", table.text()}, {"where", has_where}},
             .fix = by_hand("Which rows are meant is not in the text. Say it in WHERE, and delete "
                            "in batches with a COMMIT after each.")});
  }
}

void update_without_where(const Subject& subject, TextSink& out) {
  if (subject.statement.is_batched()) return;
  for (const Node& node : unlimited(subject, "UpdateStmt")) {
    const RelationName table = relation_of(node.node("relation"));
    const TableState* const state = subject.context.schema.find(table);
    const bool is_small =
        state != nullptr && state->rows >= 0 &&
        state->rows < static_cast<double>(subject.context.limits.small_table_rows);
    if (is_small) continue;
    const bool has_where = static_cast<bool>(node.node("where_clause"));
    out.add(offset_of_relation(subject, node),
            {.object = table.text(),
             .message = fmt::format("UPDATE writes every row of {} anew and keeps all of them "
                                    "locked until it ends{}",
                                    subject.context.with_size(table),
                                    has_where ? "; its WHERE is always true" : ""),
             .evidence = Json{{"table", table.text()}, {"where", has_where}},
             .fix = by_hand("One statement cannot commit between rows. Update in batches by key, "
                            "with a COMMIT after each, and only rows that need it.")});
  }
}

bool changes_rows(const Change& change) {
  return change.operation == Operation::insert || change.operation == Operation::update ||
         change.operation == Operation::remove || change.operation == Operation::copy;
}

/// The strongest lock that the transaction holds on a table in use.
const HeldLock* strongest_lock(const Context& context) {
  const HeldLock* strongest = nullptr;
  if (!context.shares_transaction() || !context.first_strong_lock) return strongest;
  for (const HeldLock& each : context.locks) {
    if (!blocks_writes(each.mode) || !context.is_in_use(each.relation)) continue;
    if (strongest == nullptr || each.mode > strongest->mode) strongest = &each;
  }
  return strongest;
}

/// INSERT ... VALUES writes as many rows as it spells.
bool is_few_rows(const Change& change) {
  if (change.operation != Operation::insert) return false;
  const Node source = change.node.node("select_stmt");
  return !source || !source.nodes("values_lists").empty();
}

void dml_with_ddl(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const HeldLock* const lock = strongest_lock(context);
  if (lock == nullptr) return;
  for (const Change& change : subject.changes) {
    if (!changes_rows(change) || is_few_rows(change)) continue;
    out.add(
        change.offset,
        {.severity = blocks_reads(lock->mode) ? Severity::error : Severity::warning,
         .object = change.relation.text(),
         .message = fmt::format("While rows of {} are changed, {} stays locked ({}) by line {}",
                                context.with_size(change.relation), lock->relation.text(),
                                name_of(lock->mode), context.script.place_of(lock->offset).line),
         .evidence = Json{{"locked", lock->relation.text()},
                          {"lock", name_of(lock->mode)},
                          {"line", context.script.place_of(lock->offset).line}},
         .fix = by_hand("A statement cannot give a lock of its transaction back. Put the rows "
                        "into a migration of their own, in batches.")});
  }
}

/// The share of the rows for which column = constant, or 1 where nothing is known.
double share_of(const Context& context, const RelationName& table, const Node& condition) {
  const bool is_equality = condition.is("A_Expr") && condition.name("kind") == "AEXPR_OP" &&
                           postgres::strings_of(condition.nodes("name")).back() == "=";
  const bool is_null_test = condition.is("NullTest") && condition.name("nulltesttype") == "IS_NULL";
  if (!is_equality && !is_null_test) return 1;
  const Node side = condition.node(is_equality ? "lexpr" : "arg");
  const std::vector<std::string> names = postgres::strings_of(side.nodes_if("ColumnRef", "fields"));
  if (names.empty()) return 1;
  for (const catalog::Relation& relation : context.database->relations) {
    const bool is_it =
        relation.name == table.name && (table.schema.empty() || relation.schema == table.schema);
    if (!is_it) continue;
    for (const catalog::Column& column : context.database->columns_of(relation)) {
      if (column.name != names.back() || !column.has_stats) continue;
      if (is_null_test) return column.null_fraction;
      if (column.distinct < 0) return 1 / std::max(1.0, -column.distinct * relation.rows);
      return column.distinct > 0 ? 1 / column.distinct : 1;
    }
  }
  return 1;
}

double expected_rows(const Context& context, const RelationName& table, const Node& condition,
                     double rows) {
  if (condition.is("BoolExpr") && condition.name("boolop") == "AND_EXPR") {
    for (const Node& part : condition.nodes("args"))
      rows = expected_rows(context, table, part, rows);
    return rows;
  }
  return rows * share_of(context, table, condition);
}

/// column = constant for the whole primary key or a unique column: one row.
bool is_by_key(const TableState& table, const Node& condition) {
  if (!condition.is("A_Expr") || condition.name("kind") != "AEXPR_OP") return false;
  const std::vector<std::string> operators = postgres::strings_of(condition.nodes("name"));
  const std::vector<std::string> names =
      postgres::strings_of(condition.node("lexpr").nodes_if("ColumnRef", "fields"));
  if (operators.back() != "=" || names.empty() || condition.node("rexpr").is("ColumnRef"))
    return false;
  return std::ranges::any_of(table.constraints, [&](const ConstraintState& each) {
    return (each.type == 'p' || each.type == 'u') && each.columns.size() == 1 &&
           each.columns.front() == names.back();
  });
}

void backfill_unbatched(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (context.database == nullptr || subject.statement.is_batched()) return;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::update && change.operation != Operation::remove) continue;
    const TableState* const table = context.schema.find(change.relation);
    const Node condition = change.node.node("where_clause");
    if (table == nullptr || table->rows < kBatchRowsMax || !context.is_in_use(change.relation))
      continue;
    if (!condition || is_always_true(condition) || is_by_key(*table, condition)) continue;
    const double rows = expected_rows(context, change.relation, condition, table->rows);
    if (rows < kBatchRowsMax) continue;
    const auto count = static_cast<std::int64_t>(rows);
    out.add(
        offset_of_relation(subject, change.node),
        {.severity = count >= context.limits.big_table_rows ? Severity::error : Severity::warning,
         .object = change.relation.text(),
         .message = fmt::format("Up to {} rows of {} are changed at once and stay locked until "
                                "the end, and replicas fall behind",
                                base::human_count(count), context.with_size(change.relation)),
         .evidence = Json{{"table", change.relation.text()}, {"rows_expected", count}},
         .fix = by_hand("One statement cannot commit between rows. Run it as a backfill: "
                        "batches of some thousand rows by key, with a COMMIT after each.")});
  }
}

constexpr std::string_view kRowsWhy =
    "Every row is locked and written anew: writers wait, the table swells, replicas fall behind.";

constexpr TextRule kRowRules[] = {
    {.card = {.id = "truncate",
              .title = "Table is emptied by TRUNCATE",
              .why = "The rows are gone; reads wait, and older snapshots find the table empty.",
              .how = "Delete in batches, or swap an empty table in and keep the old one.",
              .source = "PostgreSQL manual, sql-truncate; mvcc-caveats",
              .severity = Severity::error,
              .area = Area::queries},
     .statement = truncate,
     .nodes = "TruncateStmt"},
    {.card = {.id = "truncate-cascade",
              .title = "TRUNCATE CASCADE empties other tables too",
              .why = "Tables that refer to this one lose all rows, even those that refer to none.",
              .how = "Name each table that is meant and leave CASCADE out.",
              .source = "PostgreSQL manual, sql-truncate: CASCADE",
              .severity = Severity::error,
              .area = Area::queries},
     .statement = truncate_cascade,
     .nodes = "TruncateStmt"},
    {.card = {.id = "delete-without-where",
              .title = "DELETE of every row",
              .why = "The rows are gone, after a long time with all of them locked.",
              .how = "Say which rows are meant, and delete in batches with a COMMIT after each.",
              .source = "PostgreSQL manual, sql-delete; routine-vacuuming",
              .severity = Severity::error,
              .area = Area::queries},
     .statement = delete_without_where,
     .nodes = "DeleteStmt"},
    {.card = {.id = "update-without-where",
              .title = "UPDATE of every row",
              .why = kRowsWhy,
              .how = "Update in batches by key, only rows that need it, with a COMMIT after each.",
              .source = "PostgreSQL manual, sql-update; routine-vacuuming",
              .severity = Severity::warning,
              .area = Area::queries},
     .statement = update_without_where,
     .nodes = "UpdateStmt"},
    {.card = {.id = "dml-with-ddl",
              .title = "Rows are changed while a lock of DDL is held",
              .why = "The table stays blocked until the last row is written.",
              .how = "Put the rows into a migration of their own, in batches.",
              .source = "PostgreSQL manual, explicit-locking: locks are held until the end of the "
                        "transaction",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = dml_with_ddl,
     .nodes = "InsertStmt UpdateStmt DeleteStmt CopyStmt",
     .is_about_migrations = true},
    {.card = {.id = "backfill-unbatched",
              .title = "Many rows changed by one statement",
              .why = kRowsWhy,
              .how = "Change some thousand rows at a time by key, with a COMMIT after each.",
              .source = "PostgreSQL manual, routine-vacuuming; pgkeep: from 10,000 rows",
              .severity = Severity::warning,
              .area = Area::queries},
     .statement = backfill_unbatched,
     .nodes = "UpdateStmt DeleteStmt",
     .is_about_migrations = true},
};

} // namespace

const std::span<const TextRule> row_rules{kRowRules};

} // namespace pgkeep::lint
