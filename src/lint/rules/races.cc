// What two sessions do to each other: a value that is read and written back, a row that both find
// missing, a queue whose workers wait in line.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

/// BEGIN ISOLATION LEVEL REPEATABLE READ, SET TRANSACTION ...: the server refuses the second write.
bool guards_isolation(const Node& root) {
  const std::vector<Node> options = root.is("TransactionStmt")   ? root.nodes("options")
                                    : root.is("VariableSetStmt") ? root.nodes("args")
                                                                 : std::vector<Node>{};
  bool is_guarded = false;
  for (const Node& option : options) {
    postgres::walk(option, [&](const Node& node) {
      const std::string level = base::to_lower(string_constant(node).value_or(""));
      is_guarded = is_guarded || level == "repeatable read" || level == "serializable";
      return true;
    });
  }
  return is_guarded;
}

/// A row that a transaction has read without a lock.
struct Read {
  RelationName relation;
  std::vector<std::string> columns;
  bool is_locked = false;
};

/// The statements of one transaction, as far as they matter.
struct Transaction {
  std::vector<Read> reads = {};
  bool is_guarded = false;
};

std::optional<Read> read_of(const Node& root) {
  const postgres::NodeList from = root.nodes_if("SelectStmt", "from_clause");
  if (from.size() != 1 || !from.front().is("RangeVar") || !root.node("where_clause"))
    return std::nullopt;
  Read read{.relation = relation_of(from.front()),
            .columns = {},
            .is_locked = !root.nodes("locking_clause").empty()};
  for (const Node& target : root.nodes("target_list")) {
    if (has_aggregate(target)) return std::nullopt;
    if (is_star(target.node("val"))) read.columns.emplace_back("*");
    std::ranges::copy(columns_in(target), std::back_inserter(read.columns));
  }
  return read;
}

bool has_column(const Read& read, std::string_view column) {
  return std::ranges::find(read.columns, column) != read.columns.end() ||
         std::ranges::find(read.columns, "*") != read.columns.end();
}

void judge_update(const Node& root, const Transaction& transaction, TextSink& out) {
  const RelationName relation = relation_of(root.node("relation"));
  const std::vector<std::string> fences = columns_in(root.node("where_clause"));
  for (const Node& target : root.nodes("target_list")) {
    const std::string column(target.text("name"));
    const Node value = target.node("val");
    // SET votes = votes + 1 reads the newest row; a condition on the value is a version check.
    const bool is_blind = value.is("ParamRef") || (is_constant(value) && !string_constant(value));
    const bool is_fenced = std::ranges::any_of(fences, [&](const std::string& each) {
      return each == column || each.find("version") != std::string::npos || each == "xmin" ||
             each == "updated_at";
    });
    const auto read = std::ranges::find_if(transaction.reads, [&](const Read& each) {
      return each.relation == relation && has_column(each, column);
    });
    if (!is_blind || is_fenced || read == transaction.reads.end() || read->is_locked) continue;
    out.add(target.offset().value_or(0),
            {.object = object_of(relation, column),
             .message = fmt::format("{} was read without a lock and is written back: what another "
                                    "session wrote meanwhile is lost",
                                    column),
             .evidence = Json{{"column", column}, {"table", relation.text()}},
             .fix = write_instead(fmt::format("Write SET {} = {} + ..., SELECT ... FOR UPDATE, a "
                                              "version in WHERE, or REPEATABLE READ with a retry",
                                              column, column))});
    return;
  }
}

/// Calls `judge` for each statement with what its transaction did before it.
void follow(const Context& context,
            const std::function<void(const Statement&, const Transaction&)>& judge) {
  Transaction transaction;
  bool is_open = context.section.transaction == TransactionMode::managed ||
                 context.section.transaction == TransactionMode::one_text;
  for (const Statement& statement : context.section.statements) {
    const Node& root = statement.root;
    if (!root || statement.origin != Origin::text) continue;
    if (root.is("TransactionStmt")) {
      is_open = is_one_of(root.name("kind"), {"TRANS_STMT_BEGIN", "TRANS_STMT_START"});
      transaction = {};
    }
    transaction.is_guarded = transaction.is_guarded || guards_isolation(root);
    if (!is_open) continue;
    if (!transaction.is_guarded) judge(statement, transaction);
    if (auto read = read_of(root)) transaction.reads.push_back(*std::move(read));
  }
}

void race_read_then_write(const Context& context, TextSink& out) {
  follow(context, [&](const Statement& statement, const Transaction& transaction) {
    if (statement.root.is("UpdateStmt")) judge_update(statement.root, transaction, out);
  });
}

void add_upsert(std::size_t offset, const RelationName& relation, TextSink& out) {
  out.add(offset,
          {.object = relation.text(),
           .message = "whether the row is there is asked first: two sessions both find it missing "
                      "and both insert it",
           .evidence = Json{{"table", relation.text()}},
           .fix = write_instead("Write INSERT ... ON CONFLICT with a unique constraint below it")});
}

/// INSERT INTO t SELECT ... WHERE NOT EXISTS (SELECT ... FROM t).
bool asks_itself(const Node& root, const RelationName& relation) {
  const Node select = root.node("select_stmt");
  bool found = false;
  postgres::walk(
      select.is("SelectStmt") ? select.node("where_clause") : Node{}, [&](const Node& node) {
        const bool is_exists = node.is("SubLink") && node.name("sub_link_type") == "EXISTS_SUBLINK";
        const std::vector<Node> from =
            is_exists ? node.node("subselect").nodes_if("SelectStmt", "from_clause")
                      : std::vector<Node>{};
        found = found || std::ranges::any_of(from, [&](const Node& item) {
                  return item.is("RangeVar") && relation_of(item) == relation;
                });
        return !found;
      });
  return found;
}

void race_upsert(const Context& context, TextSink& out) {
  // A migration runs once, alone.
  if (context.script.is_migration()) return;
  for (const Statement& statement : context.section.statements) {
    const Node& root = statement.root;
    if (!root.is("InsertStmt") || root.node("on_conflict_clause")) continue;
    const RelationName relation = relation_of(root.node("relation"));
    if (asks_itself(root, relation)) add_upsert(statement.begin, relation, out);
  }
}

bool is_same_set(std::vector<std::string> left, std::vector<std::string> right) {
  std::ranges::sort(left);
  std::ranges::sort(right);
  return left == right;
}

/// ON CONFLICT (a, b) needs a unique constraint or index over just these columns.
void missing_arbiter(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("InsertStmt") || !query.sources.front().is_known()) continue;
    const Node infer = query.node.node("on_conflict_clause").node("infer");
    const TableState& table = *query.sources.front().table;
    std::vector<std::string> columns;
    for (const Node& element : infer.nodes("index_elems"))
      columns.emplace_back(element.text("name"));
    const bool is_plain = !columns.empty() && std::ranges::find(columns, "") == columns.end();
    const bool has_one = std::ranges::any_of(table.constraints,
                                             [&](const ConstraintState& each) {
                                               return (each.type == 'p' || each.type == 'u') &&
                                                      is_same_set(each.columns, columns);
                                             }) ||
                         std::ranges::any_of(table.indexes, [&](const IndexState& each) {
                           return each.is_unique &&
                                  (!each.is_partial || infer.node("where_clause")) &&
                                  is_same_set(each.columns, columns);
                         });
    if (!is_plain || has_one) continue;
    out.add(infer.offset().value_or(subject.statement.begin),
            {.severity = Severity::error,
             .object = query.sources.front().relation.text(),
             .message = fmt::format("nothing keeps ({}) unique, so the server refuses ON CONFLICT",
                                    column_list(columns)),
             .evidence = Json{{"columns", Json::list(columns)}, {"sqlstate", "42P10"}},
             .fix = write_instead(
                 "Write a unique constraint over these columns first",
                 {fmt::format("CREATE UNIQUE INDEX CONCURRENTLY ON {} ({})",
                              query.sources.front().relation.text(), column_list(columns))})});
  }
}

void queue_without_skip_locked(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt") || !query.node.node("limit_count")) continue;
    const postgres::NodeList locks = query.node.nodes("locking_clause");
    const bool waits = std::ranges::any_of(locks, [](const Node& lock) {
      return lock.name("wait_policy") == "LockWaitBlock" &&
             is_one_of(lock.name("strength"), {"LCS_FORUPDATE", "LCS_FORNOKEYUPDATE"});
    });
    // A row named by its key is no queue.
    const bool is_queue = waits && query.sources.size() == 1 &&
                          !query.node.nodes("sort_clause").empty() &&
                          query.sources.front().relation;
    if (!is_queue) continue;
    const Source& source = query.sources.front();
    if (source.table != nullptr && is_key(*source.table, equated_columns(query, source))) continue;
    out.add(query.node.node("limit_count").offset().value_or(subject.statement.begin),
            {.object = source.relation.text(),
             .message = "each worker waits for the one before it, and may then get a row that is "
                        "done",
             .evidence = Json{{"table", source.relation.text()}},
             .fix = write_instead("Write FOR UPDATE SKIP LOCKED")});
  }
}

constexpr TextRule kRaceRules[] = {
    {.card = {.id = "race-read-then-write",
              .title = "Value that is read, then written back",
              .why = "Under READ COMMITTED two sessions read 4, both write 5, and one change is "
                     "lost.",
              .how = "SET x = x + 1, FOR UPDATE, a version check, or REPEATABLE READ and a retry.",
              .source = "PostgreSQL manual, transaction-iso and explicit-locking",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .section = race_read_then_write},
    {.card = {.id = "race-upsert",
              .title = "INSERT of what is not there yet",
              .why =
                  "Two sessions both find nothing: one row comes in twice, or one of them fails.",
              .how = "ON CONFLICT over a unique constraint.",
              .source = "PostgreSQL manual, sql-insert: ON CONFLICT Clause",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = missing_arbiter,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt",
     .section = race_upsert},
    {.card = {.id = "queue-without-skip-locked",
              .title = "Queue whose workers wait for each other",
              .why =
                  "All workers want the same first row: they take turns, and more of them do not "
                  "help.",
              .how = "FOR UPDATE SKIP LOCKED.",
              .source = "PostgreSQL manual, sql-select: The Locking Clause",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = queue_without_skip_locked,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
};

} // namespace

const std::span<const TextRule> race_rules{kRaceRules};

} // namespace pgkeep::lint
