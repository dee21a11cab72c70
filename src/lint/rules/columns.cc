// What a new column, or NOT NULL on an old one, does to the rows that are there.
#include <fmt/format.h>

#include "lint/default_value.h"
#include "lint/families.h"
#include "lint/lock_table.h"
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

constexpr std::string_view kBatches =
    "Then fill the old rows in batches of some thousand, each its own transaction.";

/// "ALTER TABLE orders ADD COLUMN x type": without what makes the addition slow.
std::string add_plain_column(const LoneSubject& subject, const Change& change) {
  const Node type = change.node.node("type_name");
  std::string text = type_of(type).text();
  if (const auto begin = type.offset()) {
    text = part_text(subject, *begin);
    for (const Node& constraint : change.node.nodes("constraints")) {
      const auto place = constraint.offset();
      if (place && *place > *begin) {
        text = subject.around.script.text().substr(*begin, *place - *begin);
        break;
      }
    }
    while (!text.empty() && text.back() <= ' ')
      text.pop_back();
  }
  return fmt::format("ALTER TABLE {} ADD COLUMN {} {}", change.relation.text(),
                     postgres::quote_identifier(change.name), text);
}

std::string alter_column(const Change& change, std::string_view what) {
  return fmt::format("ALTER TABLE {} ALTER COLUMN {} {}", change.relation.text(),
                     postgres::quote_identifier(change.name), what);
}

/// One finding about a new column of a table in use; `row` of the lock table.
template <typename Message, typename Mend>
void each_added(const Subject& subject, TextSink& out, std::string_view row, Message message,
                Mend mend) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::add_column || !is_row_in_use(subject, change, row)) continue;
    out.add(change.offset,
            {.object = object_of(change.relation, change.name),
             .message = message(change),
             .evidence = Json{{"table", change.relation.text()},
                              {"column", change.name},
                              {"type", type_of(change.node.node("type_name")).text()},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = mend(change)});
  }
}

std::string rewritten(const Subject& subject, const Change& change, std::string_view why) {
  return fmt::format("{}, so the whole table and its indexes are written anew while {}", why,
                     who_waits(subject.context, change.relation, LockMode::access_exclusive));
}

void volatile_default(const Subject& subject, TextSink& out) {
  each_added(
      subject, out, "add-column-volatile-default",
      [&](const Change& change) {
        return rewritten(
            subject, change,
            fmt::format("{}() gives each row a value of its own",
                        volatile_function_of(default_of(change.node), subject.context)));
      },
      [&](const Change& change) {
        const Node value = default_of(change.node);
        const std::size_t begin = value.offset().value_or(change.offset);
        const Node constraint = constraint_of(change.node, "CONSTR_DEFAULT");
        std::string text = part_text(subject, constraint.offset().value_or(begin));
        // "DEFAULT f() NOT NULL": what stands behind is no part of the default.
        for (const Node& other : change.node.nodes("constraints")) {
          const auto place = other.offset();
          const auto from = constraint.offset();
          if (place && from && *place > *from)
            text = subject.context.script.text().substr(*from, *place - *from);
        }
        while (!text.empty() && text.back() <= ' ')
          text.pop_back();
        return online_steps(
            {add_plain_column(subject, change), alter_column(change, "SET " + text)},
            std::string(kBatches));
      });
}

void serial(const Subject& subject, TextSink& out) {
  each_added(
      subject, out, "add-column-serial",
      [&](const Change& change) {
        return rewritten(subject, change, "A sequence numbers the rows that are there");
      },
      [&](const Change& change) {
        const std::string name = postgres::quote_identifier(change.name);
        const RelationName sequence{
            .schema = change.relation.schema,
            .name = fmt::format("{}_{}_seq", change.relation.name, change.name)};
        return online_steps(
            {fmt::format("CREATE SEQUENCE {}", sequence.text()),
             fmt::format("ALTER TABLE {} ADD COLUMN {} bigint", change.relation.text(), name),
             alter_column(change, fmt::format("SET DEFAULT nextval({})",
                                              postgres::quote_literal(sequence.text()))),
             fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", sequence.text(),
                         change.relation.text(), name)},
            std::string(kBatches));
      });
}

void generated_stored(const Subject& subject, TextSink& out) {
  each_added(
      subject, out, "add-column-generated-stored",
      [&](const Change& change) {
        return rewritten(subject, change, "A stored generated column is computed for each row");
      },
      [&](const Change& /*change*/) {
        return by_hand("No statement adds it without writing every row. Add a plain column, keep "
                       "it with a trigger, and fill the old rows in batches; PostgreSQL 18 has "
                       "VIRTUAL columns, which write nothing.");
      });
}

void required(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    const bool is_plain =
        change.operation == Operation::add_column && is_row_in_use(subject, change, "add-column");
    const Node constraint = constraint_of(change.node, "CONSTR_NOTNULL");
    if (!is_plain || !constraint || default_of(change.node)) continue;
    out.add(constraint.offset().value_or(change.offset),
            {.object = object_of(change.relation, change.name),
             .message = fmt::format("{} is NOT NULL and has no default: this fails as soon as {} "
                                    "has a row, and programs that do not know it cannot insert",
                                    postgres::quote_identifier(change.name),
                                    subject.context.with_size(change.relation)),
             .evidence = Json{{"table", change.relation.text()}, {"column", change.name}},
             .fix = online_steps({add_plain_column(subject, change)},
                                 "Or give it a constant DEFAULT, which is free. Else let programs "
                                 "write it, fill the old rows in batches, then prove NOT NULL as "
                                 "set-not-null says.")});
  }
}

void inline_check(const Subject& subject, TextSink& out) {
  each_added(
      subject, out, "add-column-domain-check",
      [&](const Change& change) {
        return rewritten(subject, change, "A domain with a CHECK is verified for each row");
      },
      [&](const Change& /*change*/) {
        return by_hand("No statement adds a column of such a domain without writing every row. Add "
                       "a column of the type below the domain, and a CHECK NOT VALID of its own, "
                       "then VALIDATE it.");
      });
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-column-check")) continue;
    const std::string name = composed_name(change.relation, {change.name}, "_check");
    const std::size_t word = offset_of_word(subject, "check", change.offset);
    const std::string text = part_text(subject, word);
    // What stands behind the closing parenthesis belongs to the column.
    int depth = 0;
    std::size_t end = text.find('(');
    for (; end < text.size(); ++end) {
      if (text[end] == '(') ++depth;
      if (text[end] == ')' && --depth == 0) break;
    }
    out.add(
        change.offset,
        {.object = object_of(change.relation, change.name),
         .message =
             fmt::format("Every row is read to verify the CHECK of {} while {}",
                         postgres::quote_identifier(change.name),
                         who_waits(subject.context, change.relation, LockMode::access_exclusive)),
         .evidence = Json{{"table", change.relation.text()},
                          {"column", change.name},
                          {"lock", name_of(LockMode::access_exclusive)}},
         .fix = online_steps(
             {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID", change.relation.text(),
                          name, text.substr(0, end + 1)),
              fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", change.relation.text(), name)},
             "After ADD COLUMN without the CHECK; VALIDATE in a transaction of its own.")});
  }
}

const Change* column_change(const LoneSubject& subject, const Change& constraint) {
  for (const Change& each : subject.changes) {
    if (each.operation == Operation::add_column && each.name == constraint.name) return &each;
  }
  return nullptr;
}

/// "REFERENCES users (id) ON DELETE CASCADE", without the column's other constraints.
std::string references_text(const LoneSubject& subject, const Change& change,
                            const Change& column) {
  const std::size_t begin = offset_of_word(subject, "references", change.offset);
  std::string text = part_text(subject, begin);
  for (const Node& other : column.node.nodes("constraints")) {
    const std::size_t place = other.offset().value_or(0);
    if (place > begin && place - begin < text.size()) text.resize(place - begin);
  }
  while (!text.empty() && text.back() <= ' ')
    text.pop_back();
  return text;
}

void inline_references(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-column-references")) continue;
    const Change* const column = column_change(subject, change);
    if (column == nullptr) continue;
    const bool has_default = static_cast<bool>(default_of(column->node));
    const std::string name = composed_name(change.relation, {change.name}, "_fkey");
    out.add(
        change.offset,
        {.severity = has_default ? Severity::error : Severity::warning,
         .object = object_of(change.relation, change.name),
         .message = fmt::format("{} and {} are locked at once, and {}; writes of {} wait too",
                                change.relation.text(), change.other.text(),
                                who_waits(context, change.relation, LockMode::access_exclusive) +
                                    (has_default ? " while every row is compared" : ""),
                                context.with_size(change.other)),
         .evidence = Json{{"table", change.relation.text()},
                          {"column", change.name},
                          {"referenced", change.other.text()},
                          {"reads_rows", has_default}},
         .fix = online_steps(
             {add_plain_column(subject, *column),
              fmt::format("ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) {} NOT VALID",
                          change.relation.text(), name, postgres::quote_identifier(change.name),
                          references_text(subject, change, *column)),
              fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", change.relation.text(), name)},
             "Each in a transaction of its own, with a short lock_timeout.")});
  }
}

void inline_unique(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "add-column-unique")) continue;
    const bool is_key = change.operation == Operation::add_primary_key;
    const Change* const column = column_change(subject, change);
    const std::string name = composed_name(change.relation, {change.name}, "_key");
    const std::string table = change.relation.text();
    std::vector<std::string> sql;
    if (column != nullptr) sql.push_back(add_plain_column(subject, *column));
    sql.push_back(fmt::format("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} ({})", name, table,
                              postgres::quote_identifier(change.name)));
    sql.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}", table, name,
                              is_key ? "PRIMARY KEY" : "UNIQUE", name));
    out.add(change.offset,
            {.object = object_of(change.relation, change.name),
             .message = fmt::format(
                 "An index is built while {}",
                 who_waits(subject.context, change.relation, LockMode::access_exclusive)),
             .evidence = Json{{"table", table},
                              {"column", change.name},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = online_steps(std::move(sql),
                                 "CONCURRENTLY runs in no transaction; a primary key also needs "
                                 "NOT NULL proved first.")});
  }
}

void set_not_null(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "set-not-null")) continue;
    const std::vector<std::string> columns = change.operation == Operation::add_not_null
                                                 ? postgres::strings_of(change.node.nodes("keys"))
                                                 : std::vector<std::string>{change.name};
    if (columns.empty()) continue;
    const std::string table = change.relation.text();
    const std::string column = postgres::quote_identifier(columns.front());
    const std::string name = composed_name(change.relation, columns, "_not_null");
    out.add(offset_of_name(subject, change),
            {.object = object_of(change.relation, columns.front()),
             .message = fmt::format(
                 "Every row is read to look for a NULL in {} while {}", column,
                 who_waits(subject.context, change.relation, LockMode::access_exclusive)),
             .evidence = Json{{"table", table},
                              {"column", columns.front()},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = online_steps(
                 {fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID",
                              table, name, column),
                  fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name),
                  fmt::format("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, column),
                  fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, name)},
                 "Each in a transaction of its own: with the valid CHECK, SET NOT NULL reads no "
                 "rows.")});
  }
}

constexpr std::string_view kAlterTable = "PostgreSQL manual, sql-altertable: Notes";

constexpr TextRule kColumnRules[] = {
    {.card = {.id = "add-column-volatile-default",
              .title = "New column whose default differs from row to row",
              .why = "Constants and now() are free, a volatile default rewrites the table and "
                     "rebuilds its indexes while nobody can read or write it.",
              .how = "Add the column without it, SET DEFAULT, and fill old rows in batches.",
              .source = kAlterTable,
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = volatile_default,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-column-serial",
              .title = "New column that numbers the rows which are there",
              .why = "serial and IDENTITY rewrite the table while nobody can read or write it.",
              .how = "Make the sequence and the default by hand, and fill old rows in batches.",
              .source = kAlterTable,
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = serial,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-column-generated-stored",
              .title = "New stored generated column",
              .why = "Every row is written anew while nobody can read or write the table.",
              .how = "A plain column, a trigger and batches; VIRTUAL from PostgreSQL 18 on.",
              .source = "PostgreSQL manual, sql-altertable: Notes; ddl-generated-columns",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = generated_stored,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-column-required",
              .title = "New NOT NULL column without a default",
              .why = "It fails on a table with rows, and programs that do not know the column "
                     "cannot insert any more.",
              .how = "Give it a constant default, or add it nullable and prove NOT NULL later.",
              .source = "PostgreSQL manual, sql-altertable: ADD COLUMN",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = required,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-column-check",
              .title = "New column with a CHECK of its own or of its domain",
              .why = "All rows are read, or written, while nobody can read or write the table.",
              .how = "Add the column alone, then the CHECK NOT VALID, then VALIDATE it.",
              .source = kAlterTable,
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = inline_check,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-column-references",
              .title = "New column with a foreign key",
              .why = "Both tables are locked at once; with a default every row is compared.",
              .how = "Add the column, then the foreign key NOT VALID, then VALIDATE it.",
              .source = kAlterTable,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = inline_references,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "add-column-unique",
              .title = "New column that is UNIQUE or the primary key",
              .why = "The index is built while nobody can read or write the table.",
              .how = "Add the column, build the unique index CONCURRENTLY, and add the constraint "
                     "USING INDEX.",
              .source = "PostgreSQL manual, sql-altertable: ADD table_constraint_using_index",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = inline_unique,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "set-not-null",
              .title = "SET NOT NULL without a constraint that proves it",
              .why = "Every row is read while nobody can read or write the table.",
              .how = "Add CHECK (column IS NOT NULL) NOT VALID, VALIDATE it, SET NOT NULL, drop "
                     "the CHECK.",
              .source = "PostgreSQL manual, sql-altertable: SET NOT NULL",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = set_not_null,
     .nodes = "AlterTableStmt"},
};

} // namespace

const std::span<const TextRule> column_rules{kColumnRules};

} // namespace pgkeep::lint
