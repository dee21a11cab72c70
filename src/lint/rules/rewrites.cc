// What writes a table anew, or reads it all, while nobody may: new types, storage, VACUUM FULL,
// CLUSTER, materialised views.
#include <algorithm>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/lock_table.h"
#include "lint/rules/online_steps.h"
#include "lint/rules/places.h"
#include "lint/type_change.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Severity;

Json evidence_of(const Change& change, const TypeChange& types) {
  Json evidence{{"table", change.relation.text()},
                {"column", change.name},
                {"from", types.is_known ? types.from.text() : std::string("not known")},
                {"to", types.to.text()},
                {"lock", name_of(LockMode::access_exclusive)}};
  return evidence;
}

/// One finding for each ALTER COLUMN .. TYPE of a table in use that is this row of the lock table.
template <typename Message>
void each_type_change(const Subject& subject, TextSink& out, std::string_view row, Message message,
                      std::string_view note) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::alter_column_type || !is_row_in_use(subject, change, row))
      continue;
    const TypeChange types = type_change_of(change, subject.context);
    out.add(offset_of_name(subject, change), {.object = object_of(change.relation, change.name),
                                              .message = message(change, types),
                                              .evidence = evidence_of(change, types),
                                              .fix = by_hand(std::string(note))});
  }
}

std::string all_wait(const Subject& subject, const Change& change) {
  return who_waits(subject.context, change.relation, LockMode::access_exclusive);
}

void change_type(const Subject& subject, TextSink& out) {
  each_type_change(
      subject, out, "alter-type-rewrite",
      [&](const Change& change, const TypeChange& types) {
        if (types.is_known)
          return fmt::format("{} to {} writes the whole table and its indexes anew while {}",
                             types.from.text(), types.to.text(), all_wait(subject, change));
        return fmt::format("The old type is not known here: unless {} holds its values as they "
                           "are, the whole table is written anew while {}",
                           types.to.text(), all_wait(subject, change));
      },
      "No statement changes it without writing every row. Add a column of the new type, keep it "
      "with a trigger, fill the old rows in batches, then swap the names in one short "
      "transaction. With --database pgkeep knows the old type and says nothing where it is free.");
}

void reindex_type(const Subject& subject, TextSink& out) {
  each_type_change(
      subject, out, "alter-type-reindex",
      [&](const Change& change, const TypeChange& types) {
        return fmt::format("{} to {} leaves the rows, but builds the indexes of {} again while {}",
                           types.from.text(), types.to.text(),
                           postgres::quote_identifier(change.name), all_wait(subject, change));
      },
      "PostgreSQL rebuilds them in the same statement. Drop those indexes CONCURRENTLY first and "
      "build them again CONCURRENTLY after it, or use a new column with a trigger and batches.");
}

void recheck_type(const Subject& subject, TextSink& out) {
  each_type_change(
      subject, out, "alter-type-rechecks",
      [&](const Change& change, const TypeChange& types) {
        return fmt::format("{} to {} leaves the rows, but the CHECKs of {} read each of them "
                           "while {}",
                           types.from.text(), types.to.text(),
                           postgres::quote_identifier(change.name), all_wait(subject, change));
      },
      "PostgreSQL verifies them in the same statement. Drop the CHECK, change the type, add the "
      "CHECK again NOT VALID, and VALIDATE it in a transaction of its own.");
}

bool is_pinned(const Context& context, const Change& change) {
  if (context.database == nullptr) return false;
  for (const catalog::Relation& relation : context.database->relations) {
    const bool is_it =
        relation.name == change.relation.name &&
        relation.schema == (change.relation.schema.empty() ? "public" : change.relation.schema);
    if (!is_it) continue;
    for (const catalog::Column& column : context.database->columns_of(relation))
      if (column.name == change.name) return column.type_pinned;
  }
  return false;
}

void type_dependents(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    const bool is_hit =
        change.operation == Operation::alter_column_type && is_pinned(subject.context, change);
    if (!is_hit) continue;
    const TypeChange types = type_change_of(change, subject.context);
    out.add(offset_of_name(subject, change),
            {.object = object_of(change.relation, change.name),
             .message = fmt::format("PostgreSQL refuses: a view, policy, generated column, "
                                    "trigger, publication, function or partition key uses {}",
                                    postgres::quote_identifier(change.name)),
             .evidence = evidence_of(change, types),
             .fix = by_hand("ALTER COLUMN TYPE has no CASCADE. List what uses the column (the "
                            "error names the first), drop it, change the type, and make it again, "
                            "all in one short transaction. Functions whose body is a string are "
                            "not listed, and go stale silently.")});
  }
}

/// One finding for each change of these operations to a table in use.
template <typename Message>
void each_change(const Subject& subject, TextSink& out, std::initializer_list<Operation> operations,
                 Message message, const Fix& fix) {
  if (subject.context.is_online) return;
  for (const Change& change : subject.changes) {
    const bool is_hit = std::ranges::find(operations, change.operation) != operations.end() &&
                        subject.context.is_in_use(change.relation);
    if (!is_hit) continue;
    const std::string object =
        change.relation ? change.relation.text() : std::string("every table");
    out.add(change.relation ? offset_of_word(subject, change.relation.name, change.offset)
                            : change.offset,
            {.object = object,
             .message = message(change),
             .evidence = Json{{"table", object}, {"lock", name_of(LockMode::access_exclusive)}},
             .fix = fix});
  }
}

std::string copied(const Subject& subject, const Change& change, std::string_view what) {
  if (!change.relation)
    return fmt::format("{} writes every table anew, one after the other, while reads and writes "
                       "of it wait",
                       what);
  return fmt::format("{} writes the whole table anew while {}", what, all_wait(subject, change));
}

constexpr std::string_view kShadow =
    "No statement does it online. Make a second table that is as this one shall be, keep it with a "
    "trigger, copy the rows in batches, and swap the names in one short transaction; or use a "
    "maintenance window.";

void set_logged(const Subject& subject, TextSink& out) {
  each_change(
      subject, out, {Operation::set_logged, Operation::set_unlogged},
      [&](const Change& change) {
        return copied(subject, change,
                      change.operation == Operation::set_logged ? "SET LOGGED" : "SET UNLOGGED");
      },
      by_hand(std::string(kShadow)));
}

void set_tablespace(const Subject& subject, TextSink& out) {
  each_change(
      subject, out, {Operation::set_tablespace},
      [&](const Change& change) { return copied(subject, change, "SET TABLESPACE"); },
      by_hand("No statement moves a table online. Indexes move by REINDEX (TABLESPACE x) "
              "CONCURRENTLY; for the table make a second one there, keep it with a trigger, copy "
              "in batches, and swap."));
}

void set_access_method(const Subject& subject, TextSink& out) {
  each_change(
      subject, out, {Operation::set_access_method},
      [&](const Change& change) { return copied(subject, change, "SET ACCESS METHOD"); },
      by_hand(std::string(kShadow)));
}

void vacuum_full(const Subject& subject, TextSink& out) {
  each_change(
      subject, out, {Operation::vacuum_full},
      [&](const Change& change) { return copied(subject, change, "VACUUM FULL"); },
      by_hand("A plain VACUUM makes the space free for new rows without a strong lock. To give it "
              "back to the disk online takes a tool such as pg_repack, or REPACK CONCURRENTLY "
              "from PostgreSQL 19 on."));
}

void cluster(const Subject& subject, TextSink& out) {
  each_change(
      subject, out, {Operation::cluster},
      [&](const Change& change) { return copied(subject, change, "CLUSTER"); },
      by_hand("No statement does it online. Use a tool such as pg_repack with --order-by, REPACK "
              "CONCURRENTLY from PostgreSQL 19 on, or a maintenance window."));
}

void refresh_not_concurrent(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    const bool is_hit =
        is_row_in_use(subject, change, "refresh-matview") && !change.node.flag("skip_data");
    if (!is_hit) continue;
    const std::string view = change.relation.text();
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.object = view,
             .message = fmt::format("Reads of {} wait until its query is done", view),
             .evidence = Json{{"view", view}, {"lock", name_of(LockMode::access_exclusive)}},
             .fix = online_steps({fmt::format("REFRESH MATERIALIZED VIEW CONCURRENTLY {}", view)},
                                 "It needs a unique index over plain columns, without WHERE.")});
  }
}

void refresh_concurrent(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (lock_row_of(change, context) != "refresh-matview-concurrently") continue;
    const TableState* const view = context.schema.find(change.relation);
    const bool has_key =
        view == nullptr || std::ranges::any_of(view->indexes, [](const IndexState& index) {
          return index.is_unique && !index.is_partial &&
                 std::ranges::find(index.columns, std::string{}) == index.columns.end();
        });
    const Statement* const next = statement_after(subject);
    const bool is_held = context.shares_transaction() && context.is_in_use(change.relation) &&
                         next != nullptr && !next->root.is("TransactionStmt") &&
                         !context.section.begins_step(*next);
    if (has_key && !is_held) continue;
    const std::string name = change.relation.text();
    const std::string message =
        has_key
            ? fmt::format("The next REFRESH of {} waits until this transaction ends, with all "
                          "that stands behind it",
                          name)
            : fmt::format("PostgreSQL refuses: {} has no unique index over plain columns", name);
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.severity = has_key ? Severity::warning : Severity::error,
             .object = name,
             .message = message,
             .evidence = Json{{"view", name},
                              {"has_unique_index", has_key},
                              {"lock", name_of(LockMode::exclusive)}},
             .fix = has_key ? by_hand("The statement is right, its place is not: refresh in a "
                                      "transaction of its own.")
                            : by_hand("Only you know which columns tell its rows apart: CREATE "
                                      "UNIQUE INDEX over them first.")});
  }
}

constexpr TextRule kRewriteRules[] = {
    {.card = {.id = "change-column-type",
              .title = "Column type changed in a way that rewrites the table",
              .why = "The table and its indexes are written anew while nobody can read or write "
                     "it.",
              .how = "A new column with a trigger and batches, then swap; changes that keep the "
                     "bytes are free.",
              .source = "PostgreSQL manual, sql-altertable: Notes; measured",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = change_type,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "change-column-type-reindex",
              .title = "Column type or collation changed in a way that rebuilds indexes",
              .why = "The indexes are built again while nobody can read or write the table.",
              .how = "Drop the indexes CONCURRENTLY first and build them CONCURRENTLY after it.",
              .source = "PostgreSQL manual, sql-altertable: Notes; measured",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = reindex_type,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "change-type-dependents",
              .title = "Column type changed under a view, policy or the like",
              .why = "PostgreSQL refuses, and the migration stops there.",
              .how = "Drop what uses the column, change the type, and make it again.",
              .source = "PostgreSQL manual, sql-altertable: SET DATA TYPE",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = type_dependents,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "change-type-rechecks",
              .title = "Column type changed under a CHECK",
              .why = "The change itself is free, but every row is read for the CHECK while nobody "
                     "can read or write the table.",
              .how = "Drop the CHECK, change the type, add it NOT VALID, VALIDATE it.",
              .source = "Measured on PostgreSQL 15 and 18",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = recheck_type,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "set-logged-unlogged",
              .title = "SET LOGGED or UNLOGGED on a table in use",
              .why = "The table is written anew while nobody can read or write it.",
              .how = "A second table with a trigger and batches, then swap.",
              .source = "PostgreSQL manual, sql-altertable: SET LOGGED",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = set_logged,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "set-tablespace",
              .title = "SET TABLESPACE on a table in use",
              .why = "The table is copied while nobody can read or write it.",
              .how = "A second table there, with a trigger and batches, then swap.",
              .source = "PostgreSQL manual, sql-altertable: SET TABLESPACE",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = set_tablespace,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "set-access-method",
              .title = "SET ACCESS METHOD on a table in use",
              .why = "The table is written anew while nobody can read or write it.",
              .how = "A second table with a trigger and batches, then swap.",
              .source = "PostgreSQL manual, sql-altertable: SET ACCESS METHOD",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = set_access_method,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "vacuum-full",
              .title = "VACUUM FULL",
              .why = "The table is written anew while nobody can read or write it.",
              .how = "A plain VACUUM, or an online tool.",
              .source = "PostgreSQL manual, sql-vacuum: FULL",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = vacuum_full,
     .nodes = "VacuumStmt"},
    {.card = {.id = "rewrite-command",
              .title = "CLUSTER",
              .why = "The table is written anew while nobody can read or write it.",
              .how = "An online tool, or a maintenance window.",
              .source = "PostgreSQL manual, sql-cluster",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = cluster,
     .nodes = "ClusterStmt"},
    {.card = {.id = "refresh-matview-not-concurrent",
              .title = "REFRESH MATERIALIZED VIEW without CONCURRENTLY",
              .why = "Nobody can read the view until its query is done.",
              .how = "CONCURRENTLY, with a unique index.",
              .source = "PostgreSQL manual, sql-refreshmaterializedview: CONCURRENTLY",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = refresh_not_concurrent,
     .nodes = "RefreshMatViewStmt"},
    {.card = {.id = "refresh-matview-concurrent-lock",
              .title = "REFRESH CONCURRENTLY that fails or holds up the next one",
              .why = "Without a unique index PostgreSQL refuses; within a longer transaction the "
                     "next refresh waits for all of it.",
              .how = "A unique index over plain columns first; a transaction of its own.",
              .source = "PostgreSQL manual, sql-refreshmaterializedview: CONCURRENTLY",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = refresh_concurrent,
     .nodes = "RefreshMatViewStmt"},
};

} // namespace

const std::span<const TextRule> rewrite_rules{kRewriteRules};

} // namespace pgkeep::lint
