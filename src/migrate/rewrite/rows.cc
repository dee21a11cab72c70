// UPDATE and DELETE of many rows: in batches. VACUUM FULL and CLUSTER: a shadow table.
#include <algorithm>

#include <fmt/format.h>

#include "migrate/rewrite/work.h"
#include "postgres/quote.h"

namespace pgkeep::migrate::rewriting {
namespace {

using postgres::Node;

constexpr double kRowsMax =
    10'000; ///< What one statement may change: as lint's backfill-unbatched.

bool is_always_true(const Node& condition) {
  if (condition.is("A_Const")) return condition.node("boolval").flag("boolval");
  if (!condition.is("A_Expr")) return false;
  const Node left = condition.node("lexpr");
  const Node right = condition.node("rexpr");
  return left.is("A_Const") && right.is("A_Const") &&
         postgres::digest(left) == postgres::digest(right);
}

/// id = constant, or one of several: few rows.
bool is_by_key(const Target& table, const Node& condition) {
  if (condition.is("BoolExpr") && condition.name("boolop") == "AND_EXPR")
    return std::ranges::any_of(condition.nodes("args"),
                               [&](const Node& each) { return is_by_key(table, each); });
  if (!condition.is("A_Expr") || table.state == nullptr) return false;
  const std::string_view kind = condition.name("kind");
  const bool is_equal = (kind == "AEXPR_OP" || kind == "AEXPR_IN") &&
                        postgres::strings_of(condition.nodes("name")).back() == "=";
  const std::vector<std::string> names =
      postgres::strings_of(condition.node("lexpr").nodes_if("ColumnRef", "fields"));
  if (!is_equal || names.empty() || condition.node("rexpr").is("ColumnRef")) return false;
  return std::ranges::any_of(table.state->constraints, [&](const lint::ConstraintState& each) {
    return (each.type == 'p' || each.type == 'u') && each.columns.size() == 1 &&
           each.columns.front() == names.back();
  });
}

/// Why it cannot be cut into batches; empty: it can.
std::string obstacle(const Node& root, const std::string& key) {
  if (root.node("with_clause")) return "it has a WITH";
  if (!root.nodes("returning_list").empty()) return "it has a RETURNING";
  const bool is_update = root.is("UpdateStmt");
  if (!root.nodes(is_update ? "from_clause" : "using_clause").empty())
    return is_update ? "it has a FROM" : "it has a USING";
  if (!is_update) return {};
  for (const Node& target : root.nodes("target_list")) {
    if (postgres::quote_identifier(target.text("name")) == key) return "it changes the key itself";
  }
  return {};
}

} // namespace

bool rewrite_rows(const Work& work, Replacement& out) {
  const Node& root = work.statement.root;
  if (work.statement.is_batched()) return false;
  const lint::RelationName name = lint::relation_of(root.node("relation"));
  if (!work.is_in_use(name)) return false;
  const Target table = work.target(name);
  const Node condition = root.node("where_clause");
  const bool is_all = !condition || is_always_true(condition);
  if (table.state != nullptr && table.state->rows >= 0 && table.state->rows < kRowsMax)
    return false;
  // Without a database only what takes every row is known to be much.
  if (!is_all && (table.state == nullptr || table.state->rows < kRowsMax)) return false;
  if (is_by_key(table, condition)) return false;
  const auto key = batch_key(work, table);
  const std::string why = !key ? "the table has no key" : obstacle(root, *key);
  if (!why.empty()) {
    work.left_alone(
        fmt::format("it changes many rows at once, and cannot be cut into batches: {}", why));
    return false;
  }
  out.up.push_back({.text = in_batches(*key, work.sql()), .place = Place::alone});
  out.down.push_back(
      {.text = fmt::format("-- Not undone here: the rows that were changed in {}", table.text)});
  work.changed("done in batches, each its own transaction");
  return true;
}

bool rewrite_vacuum(const Work& work, Replacement& out) {
  const bool is_cluster = work.statement.root.is("ClusterStmt");
  bool is_changed = false;
  for (const lint::Change& change : work.statement.changes) {
    const bool is_full = change.operation == lint::Operation::vacuum_full ||
                         change.operation == lint::Operation::cluster;
    if (!is_full) return false;
    if (!change.relation) {
      work.left_alone("it rewrites every table under a lock that blocks all: name the tables");
      return false;
    }
    if (!work.is_in_use(change.relation)) return false;
    const Target table = work.target(change.relation);
    // Changes nothing by itself: the rows are written anew.
    out.up.push_back({.text = in_shadow(fmt::format("ALTER TABLE {} SET WITHOUT OIDS", table.text)),
                      .place = Place::alone});
    is_changed = true;
  }
  if (is_changed)
    work.changed(is_cluster ? "the table is written anew beside itself; its rows come in the order "
                              "of the key, not of the index"
                            : "the table is written anew beside itself, without its dead rows");
  return is_changed;
}

void say_drops(const Work& work) {
  for (const lint::Change& change : work.statement.changes) {
    if (!work.is_in_use(change.relation)) continue;
    if (change.operation == lint::Operation::drop_column)
      work.left_alone(fmt::format("DROP COLUMN {} loses what it holds: deploy code that does not "
                                  "name it first",
                                  postgres::quote_identifier(change.name)));
    if (change.operation == lint::Operation::drop_table)
      work.left_alone(fmt::format("DROP TABLE {} loses what it holds: deploy code that does not "
                                  "name it first",
                                  change.relation.text()));
  }
}

} // namespace pgkeep::migrate::rewriting
