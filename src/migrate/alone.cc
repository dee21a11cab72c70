#include "migrate/alone.h"

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/process.h"
#include "base/text.h"
#include "lint/relation_name.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using postgres::Node;
using postgres::quote_identifier;

/// Of the relation's indexes whose name is like this: schema, name, valid, being built.
constexpr std::string_view kIndexes = R"(
SELECT n.nspname, c.relname, i.indisvalid AND i.indisready,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                WHERE p.index_relid = c.oid)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = pg_catalog.to_regclass($1) AND c.relname ~ $2)";

base::Result<bool> exists(Servers& servers, std::string_view sql, const std::string& name) {
  const std::optional<std::string> parameters[] = {name};
  PGKEEP_TRY(const postgres::Rows rows, servers.work.query(std::string(sql), parameters));
  return rows.count() > 0 && rows.text(0, 0) == "t";
}

/// A regular expression that matches the text alone.
std::string exactly(std::string_view text) {
  std::string out = "^";
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' ||
                          static_cast<unsigned char>(c) >= 128;
    if (!is_plain) out += '\\';
    out += c;
  }
  return out;
}

/// Drops the INVALID indexes of a table whose names match; says whether a valid one is there.
base::Result<bool> clear_indexes(Servers& servers, const PoliteStep& step, const std::string& table,
                                 const std::string& pattern) {
  bool has_valid = false;
  const std::optional<std::string> parameters[] = {table, pattern};
  PGKEEP_TRY(const postgres::Rows rows, servers.work.query(std::string(kIndexes), parameters));
  for (int row = 0; row < rows.count(); ++row) {
    const std::string name = postgres::quote_qualified(rows.text(row, 0), rows.text(row, 1));
    if (rows.text(row, 2) == "t") {
      has_valid = true;
      continue;
    }
    if (rows.text(row, 3) == "t")
      return base::Error{.code = base::Code::refused,
                         .what = fmt::format("another session builds the index {} now", name),
                         .where = step.step.statements.front().where,
                         .hint = "Wait until it is done, then run again."};
    step.tell({.kind = "note",
               .text = fmt::format("the index {} is INVALID: an earlier build of it did not reach "
                                   "its end. It is dropped and built again",
                                   name)});
    if (!servers.work.is_pooled()) PGKEEP_CHECK(servers.work.execute("SET lock_timeout = 0"));
    PGKEEP_CHECK(servers.work.execute("DROP INDEX CONCURRENTLY IF EXISTS " + name));
  }
  return has_valid;
}

base::Result<Found> clear_create_index(Servers& servers, const PoliteStep& step, const Node& root,
                                       bool was_begun) {
  const std::string table = lint::relation_of(root.node("relation")).text();
  const std::string_view name = root.text("idxname");
  // Without a name the server makes one up, and only an INVALID one can be of an earlier try.
  if (name.empty()) return Found::nothing;
  PGKEEP_TRY(const bool is_there, clear_indexes(servers, step, table, exactly(name) + "$"));
  return is_there && was_begun ? Found::done : Found::nothing;
}

base::Result<Found> clear_reindex(Servers& servers, const PoliteStep& step, const Node& root) {
  const lint::RelationName relation = lint::relation_of(root.node("relation"));
  if (!relation) return Found::nothing;
  const bool is_index = root.name("kind") == "REINDEX_OBJECT_INDEX";
  std::string table = relation.text();
  if (is_index) {
    const std::optional<std::string> parameters[] = {table};
    PGKEEP_TRY(const postgres::Rows rows,
               servers.work.query("SELECT i.indrelid::regclass::text FROM pg_catalog.pg_index i "
                                  "WHERE i.indexrelid = pg_catalog.to_regclass($1)",
                                  parameters));
    if (rows.count() == 0) return Found::nothing;
    table = rows.text(0, 0);
  }
  const std::string pattern = (is_index ? exactly(relation.name) : "") + "_cc(new|old)[0-9]*$";
  PGKEEP_CHECK(clear_indexes(servers, step, table, pattern));
  return Found::nothing;
}

base::Result<Found> clear_detach(Servers& servers, const PoliteStep& step, const Node& root,
                                 bool was_begun) {
  const std::string parent = lint::relation_of(root.node("relation")).text();
  const std::vector<Node> commands = root.nodes("cmds");
  if (commands.empty()) return Found::nothing;
  const std::string child = lint::relation_of(commands.front().node("def").node("name")).text();
  const std::optional<std::string> parameters[] = {parent, child};
  PGKEEP_TRY(const postgres::Rows rows,
             servers.work.query("SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE "
                                "inhparent = pg_catalog.to_regclass($1) AND inhrelid = "
                                "pg_catalog.to_regclass($2)",
                                parameters));
  if (rows.count() == 0) return was_begun ? Found::done : Found::nothing;
  if (rows.text(0, 0) != "t") return Found::nothing;
  step.tell(
      {.kind = "note",
       .text = fmt::format("{} was left half detached from {}: it is finished", child, parent)});
  PGKEEP_CHECK(servers.work.execute(
      fmt::format("ALTER TABLE {} DETACH PARTITION {} FINALIZE", parent, child)));
  return Found::done;
}

/// Made or dropped as a whole by the server: it is there, or it is not.
base::Result<Found> look_for(Servers& servers, const Node& root) {
  struct Row {
    std::string_view kind;
    std::string_view field;
    std::string_view sql;
    bool is_done_when_there;
  };
  constexpr std::string_view database =
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)";
  constexpr std::string_view space =
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_tablespace WHERE spcname = $1)";
  constexpr std::string_view subscription =
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_subscription WHERE subname = $1)";
  constexpr Row rows[] = {{"CreatedbStmt", "dbname", database, true},
                          {"DropdbStmt", "dbname", database, false},
                          {"CreateTableSpaceStmt", "tablespacename", space, true},
                          {"DropTableSpaceStmt", "tablespacename", space, false},
                          {"CreateSubscriptionStmt", "subname", subscription, true},
                          {"DropSubscriptionStmt", "subname", subscription, false}};
  for (const Row& row : rows) {
    if (!root.is(row.kind)) continue;
    PGKEEP_TRY(const bool is_there, exists(servers, row.sql, std::string(root.text(row.field))));
    return is_there == row.is_done_when_there ? Found::done : Found::nothing;
  }
  return Found::nothing;
}

} // namespace

base::Result<Found> clear_way(Servers& servers, const PoliteStep& step, bool was_begun) {
  const Node root = step.step.statements.front().statement->root;
  if (root.is("IndexStmt")) return clear_create_index(servers, step, root, was_begun);
  if (root.is("ReindexStmt")) return clear_reindex(servers, step, root);
  if (root.is("AlterTableStmt")) return clear_detach(servers, step, root, was_begun);
  if (!was_begun) return Found::nothing;
  if (root.is("DropStmt")) {
    const std::vector<Node> objects = root.nodes("objects");
    if (objects.empty()) return Found::nothing;
    const std::string name = lint::relation_of(objects.front().nodes_if("List", "items")).text();
    PGKEEP_TRY(const bool is_gone,
               exists(servers, "SELECT pg_catalog.to_regclass($1) IS NULL", name));
    return is_gone ? Found::done : Found::nothing;
  }
  return look_for(servers, root);
}

base::Result<> wait_for_leftover(Servers& servers, const std::function<void(Event)>& tell) {
  auto told = std::chrono::steady_clock::time_point{};
  while (!servers.work.is_pooled()) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    const std::optional<std::string> own[] = {fmt::format("{}", servers.work.backend_pid())};
    PGKEEP_TRY(const postgres::Rows rows,
               servers.eyes.query(
                   "SELECT pid, coalesce(extract(epoch FROM clock_timestamp() - query_start), "
                   "0)::bigint FROM pg_stat_activity WHERE application_name = 'pgkeep/migrate' AND "
                   "state <> 'idle' AND datname = current_database() AND pid <> $1::integer",
                   own));
    if (rows.count() == 0) return {};
    const auto now = std::chrono::steady_clock::now();
    if (now - told > std::chrono::seconds{1}) {
      told = now;
      tell({.kind = "waiting",
            .text = fmt::format("a statement of an earlier run is still at work (pid {}, {} s)",
                                rows.text(0, 0), rows.text(0, 1))});
    }
    base::pause_for(std::chrono::milliseconds{50});
  }
  return {};
}

} // namespace pgkeep::migrate
