// Indexes that are built, rebuilt or dropped, with and without CONCURRENTLY.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
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

constexpr std::string_view kOutside =
    "In a migration without a transaction. If it fails, drop the INVALID index that it leaves and "
    "build again.";

constexpr std::int64_t kLockTimeoutMsMin = 60'000;       ///< It waits for all older transactions.
constexpr std::int64_t kStatementTimeoutMsMin = 600'000; ///< And then it builds.
constexpr std::size_t kIndexColumnsMax = 3;

Json evidence_of(const RelationName& table, std::string_view index, LockMode mode) {
  Json evidence{{"table", table.text()}, {"index", index}, {"lock", name_of(mode)}};
  return evidence;
}

void not_concurrent(const Subject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "create-index")) continue;
    out.add(
        change.offset,
        {.object =
             change.name.empty() ? change.relation.text() : postgres::quote_identifier(change.name),
         .message = fmt::format("The index is built while {}",
                                who_waits(subject.context, change.relation, LockMode::share)),
         .evidence = evidence_of(change.relation, change.name, LockMode::share),
         .fix = online_steps({base::replace_all(with_word_after(subject, "index", "CONCURRENTLY"),
                                                "IF NOT EXISTS ", "")},
                             std::string(kOutside))});
  }
}

void partitioned(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::create_index) continue;
    const TableState* const table = context.schema.find(change.relation);
    const bool is_hit = table != nullptr && table->is_partitioned &&
                        context.is_in_use(change.relation) &&
                        change.node.node("relation").flag("inh");
    if (!is_hit) continue;
    const bool is_refused = change.node.flag("concurrent");
    const std::vector<RelationName> partitions = partitions_of(context, change.relation);
    std::vector<std::string> names;
    names.reserve(partitions.size());
    for (const RelationName& each : partitions)
      names.push_back(each.text());
    const std::string name =
        change.name.empty() ? std::string("the index") : postgres::quote_identifier(change.name);
    const std::string message =
        is_refused ? fmt::format("{} is partitioned, and PostgreSQL refuses CONCURRENTLY there",
                                 change.relation.text())
                   : fmt::format("{} is built on every partition while {}", name,
                                 who_waits(context, change.relation, LockMode::share));
    out.add(change.offset,
            {.object = change.relation.text(),
             .message = message,
             .evidence = Json{{"table", change.relation.text()},
                              {"partitions", Json::list(names)},
                              {"lock", name_of(LockMode::share)}},
             .fix = by_hand("One statement cannot do it. CREATE INDEX .. ON ONLY the parent, which "
                            "builds nothing; CREATE INDEX CONCURRENTLY on each partition; then "
                            "ALTER INDEX .. ATTACH PARTITION each, after the last of which the "
                            "parent's is valid.")});
  }
}

/// DROP INDEX can name several: CONCURRENTLY takes one.
void drop_not_concurrent(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (lock_row_of(change, context) != "drop-index") continue;
    const TableState* const table = context.schema.table_of_index(change.relation);
    if (table != nullptr && !context.is_in_use(table->name)) continue;
    const std::string index = change.relation.text();
    const RelationName owner = table == nullptr ? RelationName{} : table->name;
    const bool is_partitioned = table != nullptr && table->is_partitioned;
    const ConstraintState* const constraint =
        table == nullptr ? nullptr : table->constraint(change.relation.name);
    Fix fix = online_steps({fmt::format("DROP INDEX CONCURRENTLY {}", index)},
                           "In a migration without a transaction.");
    if (is_partitioned || constraint != nullptr)
      fix = by_hand("CONCURRENTLY drops neither an index of a partitioned table nor that of a "
                    "constraint. Use a short lock_timeout, and try again until it gets through.");
    out.add(
        offset_of_word(subject, change.relation.name, change.offset),
        {.object = index,
         .message = owner ? fmt::format("{} until it is gone, behind every query that runs",
                                        who_waits_first(context, owner, LockMode::access_exclusive))
                          : fmt::format("Reads and writes of the table of {} wait until it is "
                                        "gone, behind every query that runs",
                                        index),
         .evidence = evidence_of(owner, change.relation.name, LockMode::access_exclusive),
         .fix = std::move(fix)});
  }
}

void reindex_not_concurrent(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::reindex) continue;
    if (has_option(change.node.nodes("params"), "concurrently")) continue;
    const std::string_view kind = change.node.name("kind");
    const bool is_system = kind == "REINDEX_OBJECT_SYSTEM";
    if (is_system) continue; // System catalogs know no other way.
    const bool is_index = kind == "REINDEX_OBJECT_INDEX";
    const TableState* const table = is_index ? context.schema.table_of_index(change.relation)
                                             : context.schema.find(change.relation);
    if (table != nullptr && !context.is_in_use(table->name)) continue;
    const std::string object =
        change.relation ? change.relation.text() : postgres::quote_identifier(change.name);
    const std::string_view word = kind == "REINDEX_OBJECT_INDEX"    ? "index"
                                  : kind == "REINDEX_OBJECT_SCHEMA" ? "schema"
                                  : kind == "REINDEX_OBJECT_TABLE"  ? "table"
                                                                    : "database";
    out.add(offset_of_word(subject, change.relation ? change.relation.name : change.name,
                           change.offset),
            {.object = object,
             .message = fmt::format("Writes wait while the index is built, and reads that would "
                                    "use it: {} is locked ACCESS EXCLUSIVE",
                                    is_index ? object : "each index"),
             .evidence = Json{{"object", object}, {"lock", name_of(LockMode::access_exclusive)}},
             .fix = online_steps({with_word_after(subject, word, "CONCURRENTLY")},
                                 std::string(kOutside))});
  }
}

bool is_concurrent(const Change& change) {
  switch (change.operation) {
  case Operation::create_index:
  case Operation::drop_index:
    return change.node.flag("concurrent");
  case Operation::reindex:
    return has_option(change.node.nodes("params"), "concurrently");
  case Operation::detach_partition:
    return change.node.node("def").flag("concurrent");
  default:
    return false;
  }
}

/// What PostgreSQL refuses inside of a transaction; empty for what it does not.
std::string_view refused_in_transaction(const Change& change) {
  if (is_concurrent(change)) return "CONCURRENTLY";
  struct Refused {
    std::string_view kind;
    std::string_view text;
  };
  constexpr auto kinds = std::to_array<Refused>({
      {"VacuumStmt", "VACUUM"},
      {"CreatedbStmt", "CREATE DATABASE"},
      {"DropdbStmt", "DROP DATABASE"},
      {"CreateTableSpaceStmt", "CREATE TABLESPACE"},
      {"DropTableSpaceStmt", "DROP TABLESPACE"},
      {"CreateSubscriptionStmt", "CREATE SUBSCRIPTION"},
      {"DropSubscriptionStmt", "DROP SUBSCRIPTION"},
      {"AlterSystemStmt", "ALTER SYSTEM"},
  });
  const auto found = std::ranges::find(kinds, change.node.kind(), &Refused::kind);
  if (found == kinds.end()) return {};
  // ANALYZE is the same kind of statement.
  if (found->kind == "VacuumStmt" && !change.node.flag("is_vacuumcmd")) return {};
  return found->text;
}

void in_transaction(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (!context.in_transaction() || subject.changes.empty()) return;
  const Change& change = subject.changes.front();
  const std::string_view what = refused_in_transaction(change);
  if (what.empty()) return;
  const std::string_view who = context.has_begin ? "BEGIN stands before it"
                               : context.section.transaction == TransactionMode::managed
                                   ? "the migration tool runs this file in one"
                                   : "the file is sent as one text, which runs as one";
  out.add(offset_of_word(subject, what.substr(0, what.find(' ')), subject.statement.begin),
          {.object = change.relation       ? change.relation.text()
                     : change.name.empty() ? std::string{}
                                           : postgres::quote_identifier(change.name),
           .message = fmt::format("{} is refused in a transaction, and {}", what, who),
           .evidence = Json{{"statement", what}, {"begin", context.has_begin}},
           .fix = by_hand("The same statement runs alone: move it to a migration of its own, and "
                          "mark that as one without a transaction in the way of your tool.")});
}

void short_timeout(const Subject& subject, TextSink& out) {
  struct Limit {
    std::string_view setting;
    std::int64_t ms_min;
  };
  constexpr auto limits = std::to_array<Limit>(
      {{"lock_timeout", kLockTimeoutMsMin}, {"statement_timeout", kStatementTimeoutMsMin}});
  if (subject.changes.empty() || !is_concurrent(subject.changes.front())) return;
  const Change& change = subject.changes.front();
  for (const Limit& limit : limits) {
    const SettingState* const set = subject.context.setting(limit.setting);
    const std::int64_t ms = set == nullptr ? 0 : set->ms.value_or(0);
    if (ms <= 0 || ms >= limit.ms_min) continue;
    out.add(offset_of_word(subject, "concurrently", subject.statement.begin),
            {.object = change.relation.text(),
             .message = fmt::format("It waits for every older transaction, and {} = {} cancels it "
                                    "half done",
                                    limit.setting, set->value),
             .evidence = Json{{"setting", limit.setting}, {"ms", ms}},
             .fix = online_steps(
                 {fmt::format("SET {} = 0", limit.setting),
                  std::string(subject.context.script.sql_of(subject.statement)),
                  fmt::format("SET {} = {}", limit.setting, postgres::quote_literal(set->value))},
                 "A cancelled build leaves an INVALID index: watch who blocks it "
                 "in pg_stat_progress_create_index, and drop what is left.")});
  }
}

void if_not_exists(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    const bool is_hit = change.operation == Operation::create_index && is_concurrent(change) &&
                        change.node.flag("if_not_exists");
    if (!is_hit) continue;
    const std::string index = postgres::quote_identifier(change.name);
    out.add(offset_of_word(subject, "if", change.offset),
            {.object = index,
             .message = fmt::format("Where an earlier try left {} INVALID, this keeps it and says "
                                    "nothing",
                                    index),
             .evidence = Json{{"index", change.name}, {"table", change.relation.text()}},
             .fix = online_steps(
                 {fmt::format("DROP INDEX CONCURRENTLY IF EXISTS {}", index),
                  base::replace_all(std::string(subject.around.script.sql_of(subject.statement)),
                                    "IF NOT EXISTS ", "")},
                 "Only where pg_index.indisvalid is false for it is there anything to drop.")});
  }
}

void corruption(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  const int version = context.database == nullptr ? 0 : context.database->server.version;
  if (version < 140'000 || version > 140'003 || subject.changes.empty()) return;
  const Change& change = subject.changes.front();
  const bool builds =
      change.operation == Operation::create_index || change.operation == Operation::reindex;
  if (!builds || !is_concurrent(change)) return;
  out.add(
      offset_of_word(subject, "concurrently", subject.statement.begin),
      {.object = change.relation.text(),
       .message = fmt::format("PostgreSQL 14.{} builds indexes CONCURRENTLY that miss rows, and "
                              "says nothing",
                              version % 10'000),
       .evidence = Json{{"version", version}},
       .fix = by_hand("No statement works around it: update to 14.4 or later, then REINDEX what "
                      "was built CONCURRENTLY before.")});
}

void too_wide(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::create_index || change.node.flag("unique")) continue;
    const postgres::NodeList keys = change.node.nodes("index_params");
    if (keys.size() <= kIndexColumnsMax) continue;
    out.add(change.offset,
            {.object = change.name.empty() ? change.relation.text()
                                           : postgres::quote_identifier(change.name),
             .message = fmt::format("An index of {} key columns: after the first {} each rarely "
                                    "narrows a search, and every write keeps it",
                                    keys.size(), kIndexColumnsMax),
             .evidence = Json{{"table", change.relation.text()},
                              {"columns", static_cast<std::int64_t>(keys.size())}},
             .fix = by_hand("Only the queries tell which columns narrow the search. Keep the most "
                            "selective of them that are compared with =, and put what is only "
                            "read into INCLUDE.")});
  }
}

constexpr std::string_view kConcurrently =
    "PostgreSQL manual, sql-createindex: Building Indexes Concurrently";

constexpr TextRule kIndexRules[] = {
    {.card = {.id = "create-index-not-concurrent",
              .title = "Index built without CONCURRENTLY",
              .why = "Nobody can write the table until the index is built.",
              .how = "CREATE INDEX CONCURRENTLY, in a migration without a transaction.",
              .source = kConcurrently,
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = not_concurrent,
     .nodes = "IndexStmt"},
    {.card = {.id = "create-index-partitioned",
              .title = "Index on a partitioned table in one statement",
              .why = "Nobody can write any partition until all are done; CONCURRENTLY is refused.",
              .how = "ON ONLY the parent, CONCURRENTLY on each partition, then attach.",
              .source = "PostgreSQL manual, ddl-partitioning: Partition Maintenance",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = partitioned,
     .nodes = "IndexStmt"},
    {.card = {.id = "drop-index-not-concurrent",
              .title = "Index dropped without CONCURRENTLY",
              .why = "It waits for every query on the table, and all that come after wait for it.",
              .how = "DROP INDEX CONCURRENTLY.",
              .source = "PostgreSQL manual, sql-dropindex: CONCURRENTLY",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = drop_not_concurrent,
     .nodes = "DropStmt"},
    {.card = {.id = "reindex-not-concurrent",
              .title = "REINDEX without CONCURRENTLY",
              .why = "Nobody can write the table, nor read it through the index, until it is "
                     "built.",
              .how = "REINDEX CONCURRENTLY.",
              .source = "PostgreSQL manual, sql-reindex: Rebuilding Indexes Concurrently",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = reindex_not_concurrent,
     .nodes = "ReindexStmt"},
    {.card = {.id = "concurrently-in-transaction",
              .title = "A statement that a transaction refuses, in one",
              .why = "The migration fails there.",
              .how = "A migration of its own, without a transaction.",
              .source = "PostgreSQL manual, sql-createindex, sql-vacuum, sql-altersystem: Notes",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = in_transaction,
     .nodes = "IndexStmt DropStmt ReindexStmt AlterTableStmt VacuumStmt CreatedbStmt DropdbStmt "
              "CreateTableSpaceStmt DropTableSpaceStmt CreateSubscriptionStmt "
              "DropSubscriptionStmt AlterSystemStmt",
     .judges_down = true},
    {.card = {.id = "concurrently-short-timeout",
              .title = "CONCURRENTLY under a short timeout",
              .why = "It waits for all older transactions, is cancelled, and leaves an INVALID "
                     "index that writes must keep and no query uses.",
              .how = "Take the timeout off for this one statement, and watch it.",
              .source = kConcurrently,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = short_timeout,
     .nodes = "IndexStmt DropStmt ReindexStmt AlterTableStmt"},
    {.card = {.id = "concurrently-if-not-exists",
              .title = "CREATE INDEX CONCURRENTLY IF NOT EXISTS",
              .why = "An INVALID index of an earlier try counts as there: the migration passes and "
                     "no query uses it.",
              .how = "Look at pg_index.indisvalid, drop what is invalid, and build.",
              .source = kConcurrently,
              .severity = Severity::warning,
              .area = Area::transactions},
     .lone = if_not_exists,
     .nodes = "IndexStmt"},
    {.card = {.id = "concurrently-corruption",
              .title = "CONCURRENTLY on a release that corrupts the index",
              .why = "PostgreSQL 14.0 to 14.3 may leave rows out, and queries do not find them.",
              .how = "Update first.",
              .source = "PostgreSQL 14.4 release notes",
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = corruption,
     .nodes = "IndexStmt ReindexStmt"},
    {.card = {.id = "index-too-wide",
              .title = "Index of more than three key columns",
              .why = "It is large, every write keeps it, and few queries use its last columns.",
              .how = "Keep the selective columns; INCLUDE what is only read.",
              .source = "PostgreSQL manual, indexes-multicolumn",
              .severity = Severity::info,
              .area = Area::indexes},
     .group = Group::design,
     .lone = too_wide,
     .nodes = "IndexStmt"},
};

} // namespace

const std::span<const TextRule> index_rules{kIndexRules};

} // namespace pgkeep::lint
