// The same thing under another name, in another schema, or of another owner.
#include <algorithm>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Safety;
using findings::Severity;
using postgres::Node;
using postgres::quote_identifier;

/// Whether the name means something again at the end of the transaction: a view over the renamed
/// table, or another table that takes its place.
bool name_returns(const Subject& subject, const RelationName& relation) {
  if (!subject.context.shares_transaction()) return false;
  for (const Statement* const statement : statements_after(subject)) {
    for (const Change& later : statement->changes) {
      const bool is_made = (later.operation == Operation::create_view ||
                            later.operation == Operation::replace_view ||
                            later.operation == Operation::create_table) &&
                           later.relation.name == relation.name;
      const bool is_swapped =
          later.operation == Operation::rename_table && later.other.name == relation.name;
      if (is_made || is_swapped) return true;
    }
  }
  return false;
}

/// The old name over the new one. Without security_invoker it would look with its owner's rights.
std::string view_of(const Context& context, const RelationName& name, const RelationName& source) {
  return fmt::format("CREATE VIEW {}{} AS SELECT * FROM {}", name.text(),
                     context.server_major >= 15 ? " WITH (security_invoker = true)" : "",
                     source.text());
}

/// The second half of a swap: the name it takes was given up just before.
bool takes_a_free_name(const Subject& subject, const Change& change) {
  if (!subject.context.shares_transaction()) return false;
  for (const Statement* const statement : statements_before(subject)) {
    for (const Change& earlier : statement->changes) {
      const bool frees = earlier.operation == Operation::rename_table ||
                         earlier.operation == Operation::drop_table;
      if (frees && earlier.relation.name == change.other.name) return true;
    }
  }
  return false;
}

void rename_table(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const Node& root = subject.statement.root;
  const bool is_view = root.is("RenameStmt") && (root.name("rename_type") == "OBJECT_VIEW" ||
                                                 root.name("rename_type") == "OBJECT_MATVIEW");
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::rename_table && !is_view) continue;
    if (!context.is_in_use(change.relation) || name_returns(subject, change.relation)) continue;
    if (takes_a_free_name(subject, change)) continue;
    // ALTER TABLE renames indexes too.
    if (context.schema.table_of_index(change.relation) != nullptr) continue;
    RelationName renamed = change.relation;
    renamed.name = change.other.name;
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.object = change.relation.text(),
             .message = fmt::format("Code that runs now asks for {} and fails until it is replaced",
                                    change.relation.text()),
             .evidence = Json{{"from", change.relation.text()}, {"to", renamed.text()}},
             .fix = is_view ? by_hand("A view costs nothing: create the new name beside the old "
                                      "one, and drop the old one when no code asks for it.")
                            : by_hand("Old and new code run side by side for a while, so both "
                                      "names must work. In the same transaction leave a view under "
                                      "the old name, which passes writes on; drop it later.",
                                      {view_of(context, change.relation, renamed)})});
  }
}

void rename_column(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::rename_column || !subject.context.is_in_use(change.relation))
      continue;
    const std::string column = object_of(change.relation, change.name);
    out.add(offset_of_name(subject, change),
            {.object = column,
             .message = fmt::format("Code that runs now asks for {} and fails until it is replaced",
                                    column),
             .evidence = Json{{"from", column}, {"to", change.other.name}},
             .fix = by_hand("Old and new code run side by side for a while, so both names must "
                            "work. Add the new column, keep the two equal by a trigger, backfill "
                            "in batches, move the code, drop the old column.")});
  }
}

void rename_schema(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::rename_schema) continue;
    out.add(offset_of_word(subject, change.name, change.offset),
            {.object = quote_identifier(change.name),
             .message = fmt::format("Every name in schema {} changes at once: qualified queries, "
                                    "search_path and function bodies miss it",
                                    quote_identifier(change.name)),
             .evidence = Json{{"from", change.name}, {"to", change.other.name}},
             .fix = by_hand("A schema cannot have two names. Create the new one with views over "
                            "the old tables, move the code, then move the tables.")});
  }
}

void rename_enum_value(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::rename_enum_value) continue;
    const std::string object = change.relation.text();
    out.add(offset_of_word(subject, change.name, change.offset),
            {.object = object,
             .message = fmt::format("Code that runs now writes {} into {} and fails, and does not "
                                    "know the new name when it reads",
                                    postgres::quote_literal(change.name), object),
             .evidence = Json{{"type", object}, {"value", change.name}},
             .fix = by_hand("Old and new code run side by side for a while. Add the new value, "
                            "let the code read both, write the new one, and change old rows in "
                            "batches.")});
  }
}

/// A primary key or unique constraint is renamed through its index, with a weaker lock.
void rename_constraint_or_index(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    const bool is_constraint = change.operation == Operation::rename_constraint;
    const bool is_index_as_table = change.operation == Operation::rename_table &&
                                   context.schema.table_of_index(change.relation) != nullptr;
    if (!is_constraint && !is_index_as_table) continue;
    if (is_constraint && !context.is_in_use(change.relation)) continue;
    const TableState* const table = context.schema.find(change.relation);
    const ConstraintState* const constraint =
        is_constraint && table != nullptr ? table->constraint(change.name) : nullptr;
    const bool has_index = is_index_as_table || (constraint != nullptr && constraint->type != 'f' &&
                                                 constraint->type != 'c');
    const RelationName index =
        is_constraint ? RelationName{change.relation.schema, change.name} : change.relation;
    out.add(
        is_constraint ? offset_of_name(subject, change)
                      : offset_of_word(subject, change.relation.name, change.offset),
        {.severity = has_index ? Severity::warning : Severity::info,
         .object = is_constraint ? object_of(change.relation, change.name) : index.text(),
         .message = has_index
                        ? fmt::format("Renaming {} this way takes ACCESS EXCLUSIVE, where ALTER "
                                      "INDEX lets reads and writes go on",
                                      index.text())
                        : fmt::format("Renaming {} takes ACCESS EXCLUSIVE on {}, and ON CONFLICT "
                                      "ON CONSTRAINT with the old name fails",
                                      index.text(), change.relation.text()),
         .evidence = Json{{"from", change.name}, {"to", change.other.name}},
         .fix = has_index ? Fix{.safety = Safety::online,
                                .sql = {fmt::format("ALTER INDEX {} RENAME TO {}", index.text(),
                                                    quote_identifier(change.other.name))}}
                          : by_hand("There is no weaker form for a constraint without an index. "
                                    "Keep the name, or rename with a short lock_timeout after a "
                                    "search through the code for it.")});
  }
}

void set_schema(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::set_schema || !change.relation ||
        !subject.context.is_in_use(change.relation))
      continue;
    const RelationName moved{.schema = change.name, .name = change.relation.name};
    if (name_returns(subject, change.relation)) continue;
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.object = change.relation.text(),
             .message =
                 fmt::format("{} becomes {}: code whose search_path or rights do not reach "
                             "schema {} fails",
                             change.relation.text(), moved.text(), quote_identifier(change.name)),
             .evidence = Json{{"from", change.relation.text()}, {"to", moved.text()}},
             .fix = by_hand("Who may use the new schema is set outside of this text. Grant USAGE "
                            "first, and leave a view under the old name in the same transaction.",
                            {view_of(subject.context, change.relation, moved)})});
  }
}

void change_owner(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::change_owner || !change.relation ||
        !subject.context.is_in_use(change.relation))
      continue;
    const std::string owner(change.node.node("newowner").text("rolename"));
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.object = change.relation.text(),
             .message = fmt::format("The former owner of {} loses what it could do as owner, and "
                                    "the next migration by that role fails",
                                    change.relation.text()),
             .evidence = Json{{"relation", change.relation.text()}, {"owner", owner}},
             .fix = by_hand("What the former owner still needs is only known to you. Grant it "
                            "before in the same transaction, with a short lock_timeout.")});
  }
}

constexpr std::string_view kDeployWhy =
    "Old code runs until the last process is replaced, and fails from the first moment.";

constexpr TextRule kRenameRules[] = {
    {.card = {.id = "rename-table",
              .title = "Table is renamed",
              .why = kDeployWhy,
              .how = "Leave a view under the old name in the same transaction; drop it later.",
              .source =
                  "PostgreSQL manual, sql-altertable: RENAME; sql-createview: updatable views",
              .severity = Severity::error,
              .area = Area::schema},
     .statement = rename_table,
     .nodes = "RenameStmt"},
    {.card = {.id = "rename-column",
              .title = "Column is renamed",
              .why = kDeployWhy,
              .how = "Add the new column, keep both equal by a trigger, move the code, drop the "
                     "old one.",
              .source = "PostgreSQL manual, sql-altertable: RENAME; strong_migrations",
              .severity = Severity::error,
              .area = Area::schema},
     .statement = rename_column,
     .nodes = "RenameStmt"},
    {.card = {.id = "rename-schema",
              .title = "Schema is renamed",
              .why = kDeployWhy,
              .how = "Create the new schema with views over the old tables, and move the code.",
              .source = "PostgreSQL manual, sql-alterschema",
              .severity = Severity::error,
              .area = Area::schema},
     .lone = rename_schema,
     .nodes = "RenameStmt"},
    {.card = {.id = "rename-enum-value",
              .title = "Value of an enum is renamed",
              .why = "Old code writes a value that is unknown now, and reads one it never saw.",
              .how = "Add the new value beside the old one, and change rows in batches.",
              .source = "PostgreSQL manual, sql-altertype: RENAME VALUE",
              .severity = Severity::error,
              .area = Area::schema},
     .lone = rename_enum_value,
     .nodes = "AlterEnumStmt"},
    {.card = {.id = "rename-constraint-or-index",
              .title = "Constraint or index is renamed under the strongest lock",
              .why = "Reads and writes wait; code that names the constraint fails.",
              .how = "Use ALTER INDEX ... RENAME TO where there is an index.",
              .source = "PostgreSQL manual, sql-alterindex: RENAME",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = rename_constraint_or_index,
     .nodes = "RenameStmt"},
    {.card = {.id = "set-schema",
              .title = "Relation moves to another schema",
              .why = "Queries of running code do not find it, or may not use it.",
              .how = "Grant USAGE on the new schema, and leave a view under the old name.",
              .source = "PostgreSQL manual, sql-altertable: SET SCHEMA",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = set_schema,
     .nodes = "AlterObjectSchemaStmt AlterOwnerStmt"},
    {.card = {.id = "change-owner",
              .title = "Relation gets another owner",
              .why = "The former owner's programs and migrations lose their rights.",
              .how = "Grant what they need in the same transaction.",
              .source = "PostgreSQL manual, sql-altertable: OWNER TO; ddl-priv",
              .severity = Severity::warning,
              .area = Area::roles},
     .statement = change_owner,
     .nodes = "AlterObjectSchemaStmt AlterOwnerStmt AlterTableStmt"},
};

} // namespace

const std::span<const TextRule> rename_rules{kRenameRules};

} // namespace pgkeep::lint
