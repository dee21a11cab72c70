// What stands together in one transaction, and what a file leaves behind when it stops half-way.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "lint/families.h"
#include "lint/relations.h"
#include "lint/rules/places.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;
using postgres::Node;

/// The first lock of the transaction that blocks reads of a table in use.
const HeldLock* exclusive_lock(const Context& context) {
  const auto found = std::ranges::find_if(context.locks, [&](const HeldLock& each) {
    return blocks_reads(each.mode) && context.is_in_use(each.relation);
  });
  return found == context.locks.end() ? nullptr : &*found;
}

void statement_after_access_exclusive(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const auto works = [](const Effect& each) { return each.works() && each.is_in_use; };
  const auto work = std::ranges::find_if(subject.effects, works);
  if (work == subject.effects.end() || !context.shares_transaction()) return;
  const HeldLock* const lock = exclusive_lock(context);
  if (lock == nullptr) return;
  const int line = context.script.place_of(lock->offset).line;
  out.add(subject.statement.begin,
          {.object = lock->relation.text(),
           .message = fmt::format("Line {} has locked {} against reads; the work on {} here "
                                  "prolongs that",
                                  line, lock->relation.text(), context.with_size(work->relation)),
           .evidence = Json{{"locked", lock->relation.text()},
                            {"since_line", line},
                            {"works_on", work->relation.text()}},
           .fix = by_hand("A lock is held until the transaction ends. Put this statement into a "
                          "migration of its own.")});
}

std::vector<RelationName> exclusively_locked(const Context& context) {
  std::vector<RelationName> tables;
  for (const HeldLock& each : context.locks) {
    const bool counts = blocks_reads(each.mode) && context.is_in_use(each.relation);
    const bool is_there = std::ranges::any_of(
        tables, [&](const RelationName& table) { return is_same(table, each.relation); });
    if (counts && !is_there) tables.push_back(each.relation);
    if (tables.size() > 1) break; // More are not told apart.
  }
  return tables;
}

void wide_lock_window(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const auto waits = [](const Effect& each) { return blocks_reads(each.mode) && each.is_in_use; };
  const bool asks = std::ranges::any_of(subject.effects, waits);
  if (!asks || !context.shares_transaction()) return;
  const std::vector<RelationName> held = exclusively_locked(context);
  if (held.size() != 1) return; // Said at the second table, once.
  for (const Effect& each : subject.effects) {
    if (!waits(each) || is_same(each.relation, held.front())) continue;
    out.add(subject.statement.begin,
            {.object = each.relation.text(),
             .message = fmt::format("The transaction holds {} and now asks for {}: a query that "
                                    "uses both the other way round deadlocks with it",
                                    held.front().text(), each.relation.text()),
             .evidence = Json{{"held", held.front().text()}, {"asked_for", each.relation.text()}},
             .fix = by_hand("A lock is held until the transaction ends. Change one table in one "
                            "migration, or lock them in the order in which the application uses "
                            "them.")});
    return;
  }
}

/// Commands that want a statement or a transaction of their own.
bool stands_alone(const Node& command) {
  const std::string_view subtype = command.name("subtype");
  return subtype == "AT_ValidateConstraint" || subtype == "AT_AttachPartition" ||
         subtype == "AT_DetachPartition" || subtype == "AT_DetachPartitionFinalize" ||
         (command.node("def").is("Constraint") && command.node("def").flag("skip_validation"));
}

bool may_be_combined(const Node& root) {
  const postgres::NodeList commands = root.nodes_if("AlterTableStmt", "cmds");
  return !commands.empty() && root.name("objtype") == "OBJECT_TABLE" &&
         std::ranges::none_of(commands, stands_alone);
}

/// No node where nothing stands before, or something that was not understood, or that is a step of
/// its own.
Node root_just_before(const LoneSubject& subject) {
  const Section& section = subject.around.section;
  const std::vector<Statement>& statements = section.statements;
  if (section.begins_step(subject.statement)) return {};
  const auto here =
      std::ranges::lower_bound(statements, subject.statement.begin, {}, &Statement::begin);
  if (here == statements.begin() || std::prev(here)->is_shadowed()) return {};
  return std::prev(here)->root;
}

void alter_table_split(const Subject& subject, TextSink& out) {
  const Node before = root_just_before(subject);
  if (!may_be_combined(subject.statement.root) || !may_be_combined(before)) return;
  const RelationName table = relation_of(subject.statement.root.node("relation"));
  if (relation_of(before.node("relation")) != table || !subject.context.is_in_use(table)) return;
  out.add(subject.statement.begin,
          {.object = table.text(),
           .message = fmt::format("{} is altered by the statement before as well: each waits for "
                                  "its lock and may scan the table by itself",
                                  subject.context.with_size(table)),
           .evidence = Json{{"table", table.text()}},
           .fix = by_hand("The two are one statement: ALTER TABLE takes several commands, "
                          "separated by commas.")});
}

std::string_view word_of(std::string_view kind) {
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") return "BEGIN";
  if (kind == "TRANS_STMT_COMMIT") return "COMMIT";
  return kind == "TRANS_STMT_ROLLBACK" ? "ROLLBACK" : std::string_view{};
}

void transaction_nesting(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const Node& root = subject.statement.root;
  const std::string_view word =
      root.is("TransactionStmt") ? word_of(root.name("kind")) : std::string_view{};
  if (word.empty()) return;
  const bool is_begin = word == "BEGIN";
  const TransactionMode mode = context.section.transaction;
  // pgkeep's runner ends its transaction at COMMIT, and begins one by itself.
  if (mode == TransactionMode::steps && word != "ROLLBACK") return;
  const bool is_tools = mode == TransactionMode::managed || mode == TransactionMode::steps;
  const bool is_wrong =
      is_tools ||
      (is_begin ? context.has_begin : mode == TransactionMode::none && !context.has_begin);
  if (!is_wrong) return;
  std::string message;
  if (is_tools) {
    message = is_begin ? "BEGIN inside of the tool's own transaction does nothing but warn"
                       : fmt::format("{} ends the tool's own transaction: what follows runs "
                                     "outside of any, and the tool believes otherwise",
                                     word);
  } else {
    message = is_begin ? fmt::format("BEGIN on line {} is still open, so this one does nothing",
                                     context.script.place_of(context.begin_offset).line)
                       : fmt::format("{} without BEGIN does nothing", word);
  }
  out.add(subject.statement.begin,
          {.severity = is_tools && !is_begin ? Severity::error : Severity::warning,
           .message = std::move(message),
           .evidence = Json{{"statement", word}, {"tool_has_transaction", is_tools}},
           .fix = by_hand("Which transaction is meant is for a person to say: take the statement "
                          "out, or tell the tool to run the file without a transaction.")});
}

void transaction_unfinished(const Context& context, TextSink& out) {
  if (!context.has_begin) return;
  out.add(context.begin_offset,
          {.message = "BEGIN is never followed by COMMIT: at the end of the session all of it is "
                      "undone, and until then its locks are held",
           .evidence = Json{{"line", context.script.place_of(context.begin_offset).line}},
           .fix = by_hand("Whether it is meant to be kept is for a person to say: add COMMIT, or "
                          "ROLLBACK where it was a rehearsal.")});
}

/// Whether the statement cannot run twice, though a word (IF [NOT] EXISTS) would let it.
bool fails_again(const Node& root) {
  if (root.is("IndexStmt")) return !root.flag("if_not_exists") && !root.flag("concurrent");
  if (root.is("CreateStmt") || root.is("CreateSeqStmt") || root.is("CreateSchemaStmt") ||
      root.is("CreateExtensionStmt") || root.is("CreateTableAsStmt"))
    return !root.flag("if_not_exists");
  if (root.is("DropStmt")) return !root.flag("missing_ok");
  const postgres::NodeList commands = root.nodes_if("AlterTableStmt", "cmds");
  return std::ranges::any_of(commands, [](const Node& command) {
    const std::string_view subtype = command.name("subtype");
    return (subtype == "AT_AddColumn" || subtype == "AT_DropColumn" ||
            subtype == "AT_DropConstraint") &&
           !command.flag("missing_ok");
  });
}

void not_rerunnable(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const bool is_alone = context.section.transaction == TransactionMode::none &&
                        !context.in_transaction() && context.script.is_migration();
  // When the last statement has succeeded, nobody runs the file again.
  const bool is_last = context.section.statements.back().begin == subject.statement.begin;
  if (!is_alone || is_last || !fails_again(subject.statement.root)) return;
  const Change& change = subject.changes.front();
  const std::string object =
      change.relation ? change.relation.text() : postgres::quote_identifier(change.name);
  const int line = context.script.place_of(subject.statement.begin).line;
  out.add(subject.statement.begin,
          {.object = object,
           .message = "No transaction surrounds this file: when a later statement fails, this one "
                      "stays and fails on the second run",
           .evidence =
               Json{{"line", line},
                    {"statements", static_cast<std::int64_t>(context.section.statements.size())}},
           .fix = by_hand("Only the author knows whether what exists is what is meant. Add IF NOT "
                          "EXISTS or IF EXISTS, or keep one statement in a file.")});
}

/// What IF NOT EXISTS skips silently when something else has the name.
std::optional<std::string_view> guarded_kind(const Node& root) {
  if (root.is("CreateStmt") && root.flag("if_not_exists")) return "table";
  if (root.is("IndexStmt") && root.flag("if_not_exists") && !root.flag("concurrent"))
    return "index";
  if (root.is("CreateSeqStmt") && root.flag("if_not_exists")) return "sequence";
  const postgres::NodeList commands = root.nodes_if("AlterTableStmt", "cmds");
  const bool has_column = std::ranges::any_of(commands, [](const Node& command) {
    return command.name("subtype") == "AT_AddColumn" && command.flag("missing_ok");
  });
  if (has_column) return "column";
  return std::nullopt;
}

/// Flyway runs R__x.sql again and again.
bool is_repeatable(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1).starts_with("R_");
}

void if_exists_hides_drift(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (!context.script.is_migration() || !context.shares_transaction() ||
      is_repeatable(context.script.path()))
    return;
  const auto kind = guarded_kind(subject.statement.root);
  if (!kind || makes_temporary(subject.statement.root)) return;
  const Change& change = subject.changes.front();
  const std::string object = *kind == "column" ? object_of(change.relation, change.name)
                             : *kind == "index" && !change.name.empty()
                                 ? postgres::quote_identifier(change.name)
                                 : change.relation.text();
  out.add(offset_of_word(subject, "if"),
          {.object = object,
           .message = fmt::format("A {} of this name that differs from what is written here is "
                                  "taken for done",
                                  *kind),
           .evidence = Json{{"kind", *kind}, {"object", object}},
           .fix = by_hand("The migration runs once and as a whole, so the guard can only hide a "
                          "difference: leave IF NOT EXISTS out.")});
}

/// Foreign keys and views that a DROP TABLE ... CASCADE takes along, as far as they are known.
std::vector<std::string> dependents_of(const Context& context, const RelationName& relation) {
  std::vector<std::string> found;
  const TableState* const table = context.schema.find(relation);
  for (const TableState* const other : context.schema.referencing(relation)) {
    for (const ConstraintState& each : other->constraints) {
      if (table != nullptr && each.type == 'f' && other != table && is_same(each.target, relation))
        found.push_back(fmt::format("foreign key {}", object_of(other->name, each.name)));
    }
  }
  if (context.database == nullptr) return found;
  for (const catalog::Relation& view : context.database->relations) {
    for (const catalog::OidNumber oid : view.view_tables) {
      const catalog::Relation* const read = context.database->relation(oid);
      const bool is_it = read != nullptr && read->name == relation.name &&
                         (relation.schema.empty() || read->schema == relation.schema);
      if (is_it) found.push_back(fmt::format("view {}", catalog::qualified_name(view)));
    }
  }
  return found;
}

/// DROP TYPE and the like hold their names in another shape than relations.
std::string dropped_object(const Change& change) {
  if (change.operation == Operation::drop_column || change.operation == Operation::drop_constraint)
    return object_of(change.relation, change.name);
  if (change.relation) return change.relation.text();
  const postgres::NodeList objects = change.node.nodes("objects");
  return objects.empty() || !objects.front().is("TypeName")
             ? std::string{}
             : relation_of(objects.front().nodes("names")).text();
}

void cascade(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    const bool is_drop = change.node.is("DropStmt") || change.operation == Operation::drop_column ||
                         change.operation == Operation::drop_constraint;
    const bool has_cascade = is_drop && change.node.name("behavior") == "DROP_CASCADE";
    // drop-schema says it itself.
    if (!has_cascade || change.operation == Operation::drop_schema) continue;
    if (change.operation != Operation::other && change.operation != Operation::drop_function &&
        change.operation != Operation::drop_extension && !context.is_in_use(change.relation))
      continue;
    const bool is_table = change.operation == Operation::drop_table;
    const std::vector<std::string> known =
        is_table ? dependents_of(context, change.relation) : std::vector<std::string>{};
    const std::string object = dropped_object(change);
    out.add(offset_of_word(subject, "cascade", offset_of_name(subject, change)),
            {.object = object,
             .message = known.empty()
                            ? fmt::format("Whatever depends on {} is dropped along without being "
                                          "named",
                                          object)
                            : fmt::format("With {} goes {}", object, enumerate(known)),
             .evidence = Json{{"object", object}, {"known_dependents", Json::list(known)}},
             .fix = by_hand("What depends on it is only known on the server. Drop each dependent "
                            "by name before, and leave CASCADE out: then surprises are refused.")});
  }
}

/// What a session keeps and a transaction pooler loses.
std::optional<std::string_view> session_state(const Node& root) {
  if (root.is("ListenStmt")) return "LISTEN";
  if (root.is("PrepareStmt")) return "PREPARE";
  constexpr std::int64_t kWithHold = 0x0020; // CURSOR_OPT_HOLD of parsenodes.h.
  if (root.is("DeclareCursorStmt") && (root.number("options") & kWithHold) != 0)
    return "DECLARE ... WITH HOLD";
  std::optional<std::string_view> found;
  if (!root.is("SelectStmt")) return found;
  postgres::walk(root, postgres::kinds<"FuncCall">(), [&](const Node& node) {
    const postgres::NodeList parts = node.nodes_if("FuncCall", "funcname");
    if (parts.empty()) return true;
    const std::string name = postgres::strings_of(parts).back();
    if (name == "pg_advisory_lock" || name == "pg_try_advisory_lock" ||
        name == "pg_advisory_lock_shared" || name == "pg_try_advisory_lock_shared")
      found = "A session's advisory lock";
    return true;
  });
  return found;
}

void pooler_unsafe(const LoneSubject& subject, TextSink& out) {
  if (!subject.around.script.is_migration()) return;
  const auto what = session_state(subject.statement.root);
  if (!what) return;
  out.add(subject.statement.begin,
          {.message = fmt::format("{} belongs to a session: through a pooler in transaction mode "
                                  "the next statement may run in another one",
                                  *what),
           .evidence = Json{{"state", *what}},
           .fix = by_hand("How the migration connects is not in the text. Connect directly, past "
                          "the pooler, or use pg_advisory_xact_lock() inside of a transaction.")});
}

constexpr TextRule kTransactionRules[] = {
    {.card = {.id = "statement-after-access-exclusive",
              .title = "More work while a table is locked against reads",
              .why = "Reads of the table wait until the work on another one is done.",
              .how = "Put the work into a migration of its own.",
              .source = "PostgreSQL manual, explicit-locking",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = statement_after_access_exclusive,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "wide-lock-window",
              .title = "Two tables locked against reads in one transaction",
              .why = "Queries that use both deadlock with it, and either is blocked for longer.",
              .how = "One table in one migration, always in the same order.",
              .source = "PostgreSQL manual, explicit-locking: Deadlocks",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = wide_lock_window,
     .is_about_migrations = true,
     .is_about_effects = true},
    {.card = {.id = "alter-table-split",
              .title = "Several ALTER TABLE that could be one",
              .why = "The table is locked, and perhaps read, once for each.",
              .how = "Write the commands into one statement, separated by commas.",
              .source = "PostgreSQL manual, sql-altertable: Notes",
              .severity = Severity::info,
              .area = Area::transactions},
     .statement = alter_table_split,
     .nodes = "AlterTableStmt",
     .is_about_migrations = true},
    {.card = {.id = "transaction-nesting",
              .title = "BEGIN or COMMIT where it does not belong",
              .why = "The file is applied half when it fails, and the tool does not know.",
              .how = "Take it out, or let the tool run the file without a transaction.",
              .source = "PostgreSQL manual, sql-begin and sql-commit: Notes",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = transaction_nesting,
     .nodes = "TransactionStmt",
     .judges_down = true,
     .is_about_migrations = true},
    {.card = {.id = "transaction-unfinished",
              .title = "BEGIN without COMMIT",
              .why = "Everything since BEGIN is undone when the session ends.",
              .how = "Add COMMIT.",
              .source = "PostgreSQL manual, sql-begin",
              .severity = Severity::error,
              .area = Area::transactions},
     .section = transaction_unfinished,
     .judges_down = true,
     .is_about_migrations = true},
    {.card = {.id = "not-rerunnable",
              .title = "File without a transaction that cannot be run again",
              .why = "After a failure half of it is applied, and the first half fails next time.",
              .how = "IF [NOT] EXISTS, or one statement a file.",
              .source = "squawk, prefer-robust-stmts; PostgreSQL manual, sql-createtable",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = not_rerunnable,
     .is_about_migrations = true},
    {.card = {.id = "if-exists-hides-drift",
              .title = "IF NOT EXISTS in a migration that runs once",
              .why = "Where another object has the name, nothing is done and nobody hears of it.",
              .how = "Leave it out: the transaction undoes a half.",
              .source = "PostgreSQL manual, sql-createtable: IF NOT EXISTS",
              .severity = Severity::info,
              .area = Area::schema},
     .statement = if_exists_hides_drift,
     .nodes = "CreateStmt IndexStmt CreateSeqStmt AlterTableStmt",
     .is_about_migrations = true},
    {.card = {.id = "cascade",
              .title = "DROP ... CASCADE",
              .why = "Views, foreign keys and columns that nobody thought of go along.",
              .how = "Name each dependent and drop it first.",
              .source = "PostgreSQL manual, ddl-depend",
              .severity = Severity::warning,
              .area = Area::schema},
     .statement = cascade,
     .nodes = "DropStmt AlterTableStmt"},
    {.card = {.id = "pooler-unsafe",
              .title = "Migration that needs a session of its own",
              .why =
                  "Through a pooler in transaction mode the state is lost or left to a stranger.",
              .how = "Connect directly, or use what ends with the transaction.",
              .source = "PgBouncer documentation, features: SQL feature map for pooling modes",
              .severity = Severity::info,
              .area = Area::connections},
     .lone = pooler_unsafe,
     .nodes = "ListenStmt PrepareStmt DeclareCursorStmt SelectStmt",
     .is_about_migrations = true},
};

} // namespace

const std::span<const TextRule> transaction_rules{kTransactionRules};

} // namespace pgkeep::lint
