// Constraints that are added to tables in use: what is read or built, and under which lock.
#include <algorithm>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/lock_table.h"
#include "lint/relations.h"
#include "lint/rules/online_steps.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Severity;
using postgres::Node;

/// The constraint's name as SQL: its own, or the one that is composed.
std::string constraint_name(const Change& change, const std::vector<std::string>& columns,
                            std::string_view suffix) {
  const std::string_view own = change.node.text("conname");
  return own.empty() ? composed_name(change.relation, columns, suffix)
                     : postgres::quote_identifier(own);
}

std::string object_of_constraint(const Change& change) {
  return object_of(change.relation, change.node.text("conname"));
}

Json evidence_of(const Change& change, LockMode mode) {
  Json evidence{{"table", change.relation.text()},
                {"constraint", change.node.text("conname")},
                {"lock", name_of(mode)}};
  return evidence;
}

/// ADD the constraint NOT VALID, then VALIDATE. `word` begins its definition.
Fix validate_later(const LoneSubject& subject, const Change& change, std::string_view word,
                   const std::string& name, std::string note) {
  const std::string definition = part_text(subject, offset_of_word(subject, word, change.offset));
  const std::string table = change.relation.text();
  return online_steps(
      {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID", table, name, definition),
       fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name)},
      std::move(note));
}

void validated_check(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-check")) continue;
    out.add(change.offset,
            {.object = object_of_constraint(change),
             .message = fmt::format(
                 "Every row is read to verify the CHECK while {}",
                 who_waits(subject.context, change.relation, LockMode::access_exclusive)),
             .evidence = evidence_of(change, LockMode::access_exclusive),
             .fix = validate_later(subject, change, "check", constraint_name(change, {}, "_check"),
                                   "VALIDATE in a transaction of its own.")});
  }
}

void validated_foreign_key(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-foreign-key")) continue;
    const TableState* const table = context.schema.find(change.relation);
    const bool cannot_wait = table != nullptr && table->is_partitioned && context.server_major < 18;
    const std::vector<std::string> columns = postgres::strings_of(change.node.nodes("fk_attrs"));
    Fix fix = validate_later(subject, change, "foreign", constraint_name(change, columns, "_fkey"),
                             "Each in a transaction of its own, with a short lock_timeout.");
    if (cannot_wait)
      fix = by_hand(fmt::format("PostgreSQL {} knows no NOT VALID foreign key of a partitioned "
                                "table. Add it to each partition NOT VALID, VALIDATE each, then "
                                "add it to the parent, which finds them there.",
                                context.server_major));
    out.add(change.offset,
            {.object = object_of_constraint(change),
             .message =
                 fmt::format("Every row of {} is looked up in {} while writes of both wait",
                             context.with_size(change.relation), context.with_size(change.other)),
             .evidence = Json{{"table", change.relation.text()},
                              {"referenced", change.other.text()},
                              {"constraint", change.node.text("conname")},
                              {"lock", name_of(LockMode::share_row_exclusive)}},
             .fix = std::move(fix)});
  }
}

/// The strongest lock on the relation that is still held when the statement runs.
LockMode held_mode(const Subject& subject, const RelationName& relation) {
  LockMode mode = LockMode::none;
  if (subject.context.shares_transaction()) {
    for (const HeldLock& each : subject.context.locks)
      if (is_same(each.relation, relation)) mode = std::max(mode, each.mode);
  }
  for (const Effect& each : subject.effects)
    if (is_same(each.relation, relation)) mode = std::max(mode, each.mode);
  return mode;
}

void validate_too_soon(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::validate_constraint || !context.is_in_use(change.relation))
      continue;
    const LockMode mode = held_mode(subject, change.relation);
    if (!blocks_writes(mode)) continue;
    const std::string name = postgres::quote_identifier(change.name);
    out.add(offset_of_name(subject, change),
            {.object = object_of(change.relation, change.name),
             .message = fmt::format(
                 "The transaction still holds {} on {}, so {} while VALIDATE reads every row",
                 name_of(mode), change.relation.text(), who_waits(context, change.relation, mode)),
             .evidence = Json{{"table", change.relation.text()},
                              {"constraint", change.name},
                              {"held", name_of(mode)}},
             .fix = online_steps({fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}",
                                              change.relation.text(), name)},
                                 "In a migration of its own, after the one that adds it.")});
  }
}

/// Where the section adds the constraint; none where an earlier file did.
std::size_t place_of_constraint(const Context& context, const RelationName& table,
                                const std::string& name) {
  for (const Statement& statement : context.section.statements) {
    if (!statement.root) continue;
    for (const Change& change : statement.changes) {
      const bool is_it = is_same(change.relation, table) && change.node.is("Constraint") &&
                         change.node.text("conname") == name;
      if (is_it) return change.offset;
    }
  }
  return context.section.statements.front().begin;
}

void never_validated(const Context& context, TextSink& out) {
  const bool is_last =
      context.paths.all().empty() || context.paths.all().back() == context.script.path();
  if (!is_last || context.section.statements.empty()) return;
  for (const auto& [key, table] : context.schema.tables()) {
    for (const ConstraintState& each : table.constraints) {
      if (!each.is_from_text || each.is_validated || each.name.empty()) continue;
      out.add(place_of_constraint(context, table.name, each.name),
              {.object = object_of(table.name, each.name),
               .message = fmt::format("None of the {} files validates {}: it proves nothing about "
                                      "rows that are there, and the planner does not use it",
                                      std::max<std::size_t>(context.paths.all().size(), 1),
                                      postgres::quote_identifier(each.name)),
               .evidence = Json{{"table", table.name.text()}, {"constraint", each.name}},
               .fix = online_steps(
                   {fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table.name.text(),
                                postgres::quote_identifier(each.name))},
                   "In a later migration of its own.")});
    }
  }
}

void by_index(const Subject& subject, TextSink& out, std::string_view row, std::string_view kind,
              std::string_view suffix) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, row)) continue;
    const std::vector<std::string> columns = postgres::strings_of(change.node.nodes("keys"));
    const std::vector<std::string> including = postgres::strings_of(change.node.nodes("including"));
    const std::string name =
        constraint_name(change, suffix == "_pkey" ? std::vector<std::string>{} : columns, suffix);
    const std::string table = change.relation.text();
    const TableState* const state = context.schema.find(change.relation);
    Fix fix = online_steps(
        {fmt::format("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} ({}){}{}", name, table,
                     quoted_list(columns),
                     including.empty() ? "" : fmt::format(" INCLUDE ({})", quoted_list(including)),
                     change.node.flag("nulls_not_distinct") ? " NULLS NOT DISTINCT" : ""),
         fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}", table, name, kind,
                     name)},
        suffix == "_pkey" ? "CONCURRENTLY runs in no transaction. Prove NOT NULL of each column "
                            "first (set-not-null), else the rows are read for that."
                          : "CONCURRENTLY runs in no transaction.");
    if (state != nullptr && state->is_partitioned)
      fix = by_hand("A partitioned table takes no index CONCURRENTLY and no constraint USING "
                    "INDEX. Build the unique index on each partition CONCURRENTLY, add the "
                    "constraint to each, then to ONLY the parent, and attach their indexes.");
    out.add(change.offset, {.object = object_of_constraint(change),
                            .message = fmt::format(
                                "The index of the constraint is built while {}",
                                who_waits(context, change.relation, LockMode::access_exclusive)),
                            .evidence = Json{{"table", table},
                                             {"columns", Json::list(columns)},
                                             {"lock", name_of(LockMode::access_exclusive)}},
                            .fix = std::move(fix)});
  }
}

void unique_constraint(const Subject& subject, TextSink& out) {
  by_index(subject, out, "add-unique", "UNIQUE", "_key");
}
void primary_key(const Subject& subject, TextSink& out) {
  by_index(subject, out, "add-primary-key", "PRIMARY KEY", "_pkey");
}

void nullable_primary_key(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-primary-key-using-nullable-index")) continue;
    const std::string table = change.relation.text();
    out.add(change.offset,
            {.object = object_of_constraint(change),
             .message = fmt::format(
                 "A column of the index may be NULL, so every row is read while {}",
                 who_waits(subject.context, change.relation, LockMode::access_exclusive)),
             .evidence = Json{{"table", table},
                              {"index", change.node.text("indexname")},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = by_hand("Prove NOT NULL of each of its columns first, as set-not-null says: a "
                            "CHECK NOT VALID, VALIDATE, SET NOT NULL. Then this reads no rows.")});
  }
}

void exclusion(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-exclusion")) continue;
    out.add(change.offset,
            {.object = object_of_constraint(change),
             .message = fmt::format(
                 "The index of the exclusion constraint is built while {}",
                 who_waits(subject.context, change.relation, LockMode::access_exclusive)),
             .evidence = evidence_of(change, LockMode::access_exclusive),
             .fix = by_hand("PostgreSQL has no way to add it online: EXCLUDE takes no index that "
                            "is there. Use a maintenance window, or a new table with the "
                            "constraint that takes the place of this one.")});
  }
}

bool has_lock_timeout(const Context& context) {
  const SettingState* const set = context.setting("lock_timeout");
  return set != nullptr && set->ms.value_or(0) > 0;
}

/// A statement behind this one, before COMMIT, that works on a table in use.
bool works_later(const Subject& subject) {
  const Context& context = subject.context;
  std::vector<RelationName> made;
  const auto note_made = [&](const Change& change) {
    if (change.operation == Operation::create_table) made.push_back(change.relation);
  };
  std::ranges::for_each(subject.changes, note_made);
  const auto is_made = [&](const RelationName& relation) {
    return std::ranges::any_of(made, [&](const auto& each) { return is_same(each, relation); });
  };
  for (const Statement& statement : context.section.statements) {
    const Node& root = statement.root;
    if (statement.begin <= subject.statement.begin || !root) continue;
    if (statement.origin == Origin::function) continue;
    if (root.is("TransactionStmt") || context.section.begins_step(statement)) return false;
    if (root.is("UpdateStmt") || root.is("DeleteStmt") || root.is("DoStmt")) return true;
    for (const Change& change : statement.changes) {
      note_made(change);
      for (const Effect& effect : effects_of(change, context)) {
        const bool is_old = context.is_in_use(effect.relation) && !is_made(effect.relation);
        if (effect.works() && is_old) return true;
      }
    }
  }
  return false;
}

void new_table_with_key(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    const bool is_it = lock_row_of(change, context) == "create-table-foreign-key" &&
                       !is_same(change.other, change.relation) && context.is_in_use(change.other);
    if (!is_it) continue;
    const bool holds_it = context.shares_transaction() && works_later(subject);
    if (has_lock_timeout(context) && !holds_it) continue;
    out.add(change.offset,
            {.object = change.other.text(),
             .message = fmt::format(
                 "Writes of {} wait until this commits{}", context.with_size(change.other),
                 holds_it ? ", and a statement behind it works on a table in use" : ""),
             .evidence = Json{{"table", change.relation.text()},
                              {"referenced", change.other.text()},
                              {"lock", name_of(LockMode::share_row_exclusive)},
                              {"works_later", holds_it}},
             .fix = by_hand("SET LOCAL lock_timeout = '2s' first and commit at once; or make the "
                            "table without the foreign key and add that NOT VALID in a "
                            "transaction of its own.",
                            {"SET LOCAL lock_timeout = '2s'"})});
  }
}

constexpr TextRule kConstraintRules[] = {
    {.card = {.id = "add-constraint-validated",
              .title = "CHECK that is verified at once",
              .why = "Every row is read while nobody can read or write the table.",
              .how = "Add it NOT VALID, then VALIDATE it in another transaction.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint [ NOT VALID ]",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = validated_check,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-foreign-key-validated",
              .title = "Foreign key that is verified at once",
              .why = "Both tables are read in full while nobody can write either.",
              .how = "Add it NOT VALID, then VALIDATE it in another transaction.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint [ NOT VALID ]",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = validated_foreign_key,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "validate-in-same-transaction",
              .title = "VALIDATE while the transaction holds a strong lock on the table",
              .why = "The lock of the statement before it is kept while every row is read: NOT "
                     "VALID has won nothing.",
              .how = "VALIDATE in a migration of its own.",
              .source = "PostgreSQL manual, sql-altertable: VALIDATE CONSTRAINT; explicit-locking",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = validate_too_soon,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "never-validated",
              .title = "NOT VALID constraint that no file validates",
              .why = "Old rows may break it, and the planner cannot use it.",
              .how = "VALIDATE it in a later migration.",
              .source = "PostgreSQL manual, sql-altertable: VALIDATE CONSTRAINT",
              .severity = Severity::info,
              .area = Area::schema},
     .section = never_validated},
    {.card = {.id = "add-unique-constraint",
              .title = "UNIQUE constraint that builds its own index",
              .why = "The index is built while nobody can read or write the table.",
              .how = "Build the unique index CONCURRENTLY and add the constraint USING INDEX.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint_using_index",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = unique_constraint,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-primary-key",
              .title = "Primary key that builds its own index",
              .why = "Rows are read and the index is built while nobody can read or write the "
                     "table.",
              .how = "Prove NOT NULL, build the unique index CONCURRENTLY, and add the key USING "
                     "INDEX.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint_using_index",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = primary_key,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-primary-key-nullable",
              .title = "Primary key USING INDEX over a column that may be NULL",
              .why = "The hidden SET NOT NULL reads every row while nobody can read or write the "
                     "table.",
              .how = "Prove NOT NULL of the columns first.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint_using_index",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = nullable_primary_key,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-exclusion-constraint",
              .title = "Exclusion constraint on a table in use",
              .why = "The index is built while nobody can read or write the table, and there is "
                     "no way to do it online.",
              .how = "A maintenance window, or a new table.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint_using_index",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = exclusion,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "create-table-foreign-key",
              .title = "New table whose foreign key locks a table in use",
              .why = "Writes of the referenced table wait until the transaction ends.",
              .how = "Set lock_timeout and commit at once, or add the key NOT VALID later.",
              .source = "PostgreSQL manual, explicit-locking; measured",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = new_table_with_key,
     .nodes = "CreateStmt"},
};

} // namespace

const std::span<const TextRule> constraint_rules{kConstraintRules};

} // namespace pgkeep::lint
