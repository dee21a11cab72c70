// What is taken away: data, columns and what hangs on them, constraints, defaults.
#include <algorithm>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Safety;
using findings::Severity;
using postgres::Node;

constexpr std::string_view kContractNote =
    "No statement brings the rows back. Take every use out of the code, deploy, wait until no old "
    "process runs, take a backup, and drop in a migration of its own with a short lock_timeout.";

void drop_table(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_table || !context.is_in_use(change.relation)) continue;
    const TableState* const table = context.schema.find(change.relation);
    // Dropping old partitions is how rows are retired.
    if (table != nullptr && table->is_partition) continue;
    std::vector<std::string> targets;
    if (table != nullptr) {
      for (const ConstraintState& each : table->constraints) {
        if (each.type == 'f') targets.push_back(each.target.text());
      }
    }
    out.add(
        offset_of_name(subject, change),
        {.object = change.relation.text(),
         .message = fmt::format("{} is dropped with its rows, and code that still uses it "
                                "fails{}",
                                context.with_size(change.relation),
                                targets.empty() ? std::string{}
                                                : fmt::format("; it locks {} as well, which "
                                                              "its foreign keys name",
                                                              enumerate(targets))),
         .evidence = Json{{"table", change.relation.text()}, {"referenced", Json::list(targets)}},
         .fix = by_hand(std::string(kContractNote))});
  }
}

void drop_column(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_column || !context.is_in_use(change.relation)) continue;
    out.add(offset_of_name(subject, change),
            {.object = object_of(change.relation, change.name),
             .message = fmt::format("The values of {} are gone for each row of {}, and code that "
                                    "still names the column fails",
                                    postgres::quote_identifier(change.name),
                                    context.with_size(change.relation)),
             .evidence = Json{{"table", change.relation.text()}, {"column", change.name}},
             .fix = by_hand(std::string(kContractNote))});
  }
}

void drop_schema(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_schema) continue;
    const bool has_cascade = change.node.name("behavior") == "DROP_CASCADE";
    out.add(offset_of_name(subject, change),
            {.severity = has_cascade ? Severity::error : Severity::info,
             .object = postgres::quote_identifier(change.name),
             .message = has_cascade ? fmt::format("Every table and row of schema {} is dropped",
                                                  postgres::quote_identifier(change.name))
                                    : fmt::format("Dropping schema {} fails unless it is empty",
                                                  postgres::quote_identifier(change.name)),
             .evidence = Json{{"schema", change.name}, {"cascade", has_cascade}},
             .fix = by_hand("What a schema holds is only known on the server. Drop its tables one "
                            "by one, each after its last use, then the empty schema.")});
  }
}

void drop_database(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_database) continue;
    out.add(offset_of_name(subject, change),
            {.object = postgres::quote_identifier(change.name),
             .message = fmt::format("Database {} is dropped with all it holds",
                                    postgres::quote_identifier(change.name)),
             .evidence = Json{{"database", change.name}},
             .fix = by_hand("No migration should do this: take it out, and drop a database by hand "
                            "after a backup that was restored once.")});
  }
}

bool names(const std::vector<std::string>& columns, std::string_view column) {
  return std::ranges::find(columns, column) != columns.end();
}

/// What vanishes together with a column.
std::vector<std::string> dependents_inside(const TableState& table, std::string_view column) {
  std::vector<std::string> found;
  for (const ConstraintState& each : table.constraints) {
    if (names(each.columns, column) && !each.name.empty())
      found.push_back(fmt::format("constraint {}", postgres::quote_identifier(each.name)));
  }
  for (const IndexState& each : table.indexes) {
    const bool is_of_constraint = table.constraint(each.name) != nullptr;
    if (names(each.columns, column) && !is_of_constraint)
      found.push_back(fmt::format("index {}", postgres::quote_identifier(each.name)));
  }
  return found;
}

/// Foreign keys of other tables that refer to the column: without CASCADE it cannot go.
std::vector<std::string> references_to(const Schema& schema, const TableState& table,
                                       std::string_view column) {
  std::vector<std::string> found;
  const ConstraintState* const key = table.primary_key();
  for (const TableState* const other : schema.referencing(table.name)) {
    for (const ConstraintState& each : other->constraints) {
      if (each.type != 'f' || !is_same(each.target, table.name)) continue;
      const bool is_by_key = each.target_columns.empty() && key != nullptr;
      if (names(is_by_key ? key->columns : each.target_columns, column))
        found.push_back(fmt::format("a foreign key of {}", other->name.text()));
    }
  }
  return found;
}

void drop_column_used(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_column || !context.is_in_use(change.relation)) continue;
    const TableState* const table = context.schema.find(change.relation);
    if (table == nullptr) continue;
    const std::vector<std::string> inside = dependents_inside(*table, change.name);
    const std::vector<std::string> outside = references_to(context.schema, *table, change.name);
    if (inside.empty() && outside.empty()) continue;
    const bool fails = !outside.empty() && change.node.name("behavior") != "DROP_CASCADE";
    std::vector<std::string> all = inside;
    all.insert(all.end(), outside.begin(), outside.end());
    const std::string column = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.severity = fails ? Severity::error : Severity::warning,
             .object = column,
             .message = fails ? fmt::format("{} cannot be dropped: {} refers to it", column,
                                            enumerate(outside))
                              : fmt::format("With {} goes {}", column, enumerate(all)),
             .evidence = Json{{"column", column}, {"dependents", Json::list(all)}},
             .fix = by_hand("The server takes them along without a word. Decide for each: build "
                            "its replacement without the column first (CREATE INDEX CONCURRENTLY), "
                            "then drop it by name, then the column.")});
  }
}

/// Dropping what is put back under the same name in this section is a change, not a loss.
bool is_added_again(const LoneSubject& subject, const Change& change) {
  for (const Statement* const statement : statements_after(subject)) {
    for (const Change& later : statement->changes) {
      if (later.relation == change.relation && later.node.is("Constraint") &&
          later.node.text("conname") == change.name)
        return true;
    }
  }
  return std::ranges::any_of(subject.changes, [&](const Change& other) {
    return other.node.is("Constraint") && other.node.text("conname") == change.name;
  });
}

std::string kind_of(const ConstraintState* constraint) {
  if (constraint == nullptr) return "constraint";
  switch (constraint->type) {
  case 'p':
    return "primary key";
  case 'u':
    return "unique constraint";
  case 'f':
    return "foreign key";
  case 'x':
    return "exclusion constraint";
  default:
    return "check";
  }
}

void drop_constraint(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_constraint || !context.is_in_use(change.relation))
      continue;
    const TableState* const table = context.schema.find(change.relation);
    const ConstraintState* const constraint =
        table == nullptr ? nullptr : table->constraint(change.name);
    // A proof for SET NOT NULL is of no more use afterwards.
    const bool was_helper =
        constraint != nullptr && (constraint->is_from_text || !constraint->not_null_column.empty());
    if (was_helper || is_added_again(subject, change)) continue;
    const bool is_reference = constraint != nullptr && constraint->type == 'f';
    const std::string object = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = object,
             .message = fmt::format("Once the {} {} is gone, rows that break it come in and it may "
                                    "not be added again{}",
                                    kind_of(constraint), object,
                                    is_reference ? fmt::format("; dropping it blocks {} and {}",
                                                               change.relation.text(),
                                                               constraint->target.text())
                                                 : std::string{}),
             .evidence = Json{{"constraint", object}, {"kind", kind_of(constraint)}},
             .fix = by_hand("Only the code's owner knows whether something relies on it. Deploy "
                            "code that checks by itself first; of a foreign key lock the "
                            "referenced table first, in the order the application does.")});
  }
}

void drop_not_null(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_not_null || !subject.context.is_in_use(change.relation))
      continue;
    const std::string column = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = column,
             .message = fmt::format("Code that reads {} was written for a value and may now get "
                                    "NULL",
                                    column),
             .evidence = Json{{"column", column}},
             .fix = by_hand("What code does with NULL cannot be seen from here. Deploy readers "
                            "that expect NULL first, then drop NOT NULL, then write NULLs.")});
  }
}

/// The column came with this text: no code relies on its default.
bool is_new_column(const LoneSubject& subject, const Change& change) {
  const auto adds_it = [&](const Change& each) {
    return each.operation == Operation::add_column && each.relation == change.relation &&
           each.name == change.name;
  };
  if (std::ranges::any_of(subject.changes, adds_it)) return true;
  for (const Statement* const statement : statements_before(subject)) {
    if (std::ranges::any_of(statement->changes, adds_it)) return true;
  }
  return false;
}

const ColumnState* column_state(const Subject& subject, const Change& change) {
  const TableState* const table = subject.context.schema.find(change.relation);
  return table == nullptr ? nullptr : table->column(change.name);
}

void drop_default(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::drop_default || !subject.context.is_in_use(change.relation))
      continue;
    const ColumnState* const state = column_state(subject, change);
    const bool is_known = state != nullptr;
    if (is_known && !state->is_not_null && is_new_column(subject, change)) continue;
    const std::string column = object_of(change.relation, change.name);
    const bool fails = is_known && state->is_not_null;
    out.add(
        offset_of_name(subject, change),
        {.object = column,
         .message = fails ? fmt::format("An INSERT that leaves {} out fails from now on", column)
                          : fmt::format("An INSERT that leaves {} out writes NULL from now on, or "
                                        "fails where it is NOT NULL",
                                        column),
         .evidence = Json{{"column", column}, {"fails", fails}},
         .fix = by_hand("Which code leaves the column out cannot be seen from here. Deploy "
                        "code that always gives a value first, then drop the default.")});
  }
}

void set_default_in_flight(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::set_default || !subject.context.is_in_use(change.relation))
      continue;
    const ColumnState* const state = column_state(subject, change);
    if (state == nullptr || !state->has_default || is_new_column(subject, change)) continue;
    const std::string column = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = column,
             .message = fmt::format("{} has a default already: processes that know the old one go "
                                    "on writing it",
                                    column),
             .evidence = Json{{"column", column}},
             .fix = by_hand("Frameworks read defaults when they start and send them with each "
                            "INSERT. Restart the application after the migration, or let the code "
                            "give the new value before it.")});
  }
}

constexpr std::string_view kDropSource = "PostgreSQL manual, ddl-alter and explicit-locking";

constexpr TextRule kDropRules[] = {
    {.card = {.id = "drop-table",
              .title = "Table is dropped",
              .why = "The rows are gone, and old code that is still running fails at once.",
              .how = "Stop using it, deploy, wait, back it up, then drop it with a short "
                     "lock_timeout.",
              .source = "PostgreSQL manual, sql-droptable; explicit-locking",
              .severity = Severity::error,
              .area = Area::schema},
     .statement = drop_table,
     .nodes = "DropStmt"},
    {.card = {.id = "drop-column",
              .title = "Column is dropped",
              .why = "Its values are gone, and old code that names it fails at once.",
              .how = "Stop using it, deploy, wait, then drop it with a short lock_timeout.",
              .source = "PostgreSQL manual, sql-altertable: DROP COLUMN",
              .severity = Severity::error,
              .area = Area::schema},
     .statement = drop_column,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "drop-schema",
              .title = "Schema is dropped",
              .why = "With CASCADE all that it holds goes along, known or not.",
              .how = "Drop what it holds by name, then the empty schema without CASCADE.",
              .source = "PostgreSQL manual, sql-dropschema",
              .severity = Severity::error,
              .area = Area::schema},
     .lone = drop_schema,
     .nodes = "DropStmt"},
    {.card = {.id = "drop-database",
              .title = "Database is dropped",
              .why = "All of it is gone, and only a backup brings it back.",
              .how = "Take it out of the migration; drop databases by hand after a backup.",
              .source = "PostgreSQL manual, sql-dropdatabase",
              .severity = Severity::error,
              .area = Area::schema},
     .lone = drop_database,
     .nodes = "DropdbStmt"},
    {.card = {.id = "drop-column-used",
              .title = "Dropped column takes indexes or constraints along",
              .why = "Queries lose their index and rows their check without a word in the text.",
              .how = "Name what goes along: build replacements first, and drop each by name.",
              .source = "PostgreSQL manual, sql-altertable: DROP COLUMN",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = drop_column_used,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "drop-constraint",
              .title = "Constraint is dropped",
              .why = "Wrong rows come in, and dropping a foreign key blocks both of its tables.",
              .how = "Make sure that no code relies on it; set a short lock_timeout before.",
              .source = kDropSource,
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = drop_constraint,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "drop-not-null",
              .title = "NOT NULL is dropped",
              .why = "Code that was never given NULL meets it, while old versions still run.",
              .how = "Deploy readers that expect NULL, then drop NOT NULL, then write NULLs.",
              .source = kDropSource,
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = drop_not_null,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "drop-default",
              .title = "Default is dropped",
              .why = "INSERTs of old code that leave the column out fail or write NULL.",
              .how = "Deploy code that gives the value first.",
              .source = kDropSource,
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = drop_default,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "set-default-in-flight",
              .title = "Default is changed while the application runs",
              .why = "Processes that read the old default keep writing it into new rows.",
              .how = "Restart the application after the change, or let code give the value.",
              .source = "strong_migrations: changing the default value of a column",
              .severity = Severity::info,
              .area = Area::schema},
     .statement = set_default_in_flight,
     .nodes = "AlterTableStmt"},
};

} // namespace

const std::span<const TextRule> drop_rules{kDropRules};

} // namespace pgkeep::lint
