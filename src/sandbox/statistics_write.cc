// Types and operators of all columns are looked up at once; then one DELETE and one INSERT a
// column, each by itself, so that one that the server refuses costs no other.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "sandbox/statistics.h"
#include "sandbox/statistics_slots.h"

namespace pgkeep::sandbox {
namespace {

using postgres::Rows;

/// More names in one note help nobody.
constexpr std::size_t kNamesMax = 5;

/// A column of the sandbox that may have statistics.
struct Target {
  std::string relation;
  std::string number;
  std::string format;
  std::string type;
  std::string collation;
};

/// The type of an index's expression is not always that of the index's column: GIN stores keys.
constexpr std::string_view kTargets =
    "SELECT n.nspname, c.relname, CASE WHEN i.indexrelid IS NULL THEN a.attname::text ELSE "
    "a.attnum::text END, c.oid, a.attnum, format_type(a.atttypid, NULL), CASE WHEN "
    "coalesce(o.opckeytype, 0) = 0 THEN a.atttypid WHEN o.opcintype = 'anyarray'::regtype THEN "
    "(SELECT t.typarray FROM pg_type t WHERE t.oid = a.atttypid) ELSE o.opcintype END, "
    "a.attcollation FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN "
    "pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN "
    "pg_opclass o ON o.oid = i.indclass[a.attnum - 1] WHERE a.attnum > 0 AND NOT a.attisdropped "
    "AND c.relkind IN ('r', 'm', 'p', 'i', 'I', 'f') AND (i.indexrelid IS NULL OR "
    "i.indkey[a.attnum - 1] = 0) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

using Key = std::array<std::string, 3>;

base::Result<std::map<Key, Target>> read_targets(postgres::Connection& database) {
  PGKEEP_TRY(const Rows rows, database.query(std::string(kTargets)));
  std::map<Key, Target> targets;
  for (int row = 0; row < rows.count(); ++row)
    targets[{std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
             std::string(rows.text(row, 2))}] = {.relation = std::string(rows.text(row, 3)),
                                                 .number = std::string(rows.text(row, 4)),
                                                 .format = std::string(rows.text(row, 5)),
                                                 .type = std::string(rows.text(row, 6)),
                                                 .collation = std::string(rows.text(row, 7))};
  return targets;
}

base::Result<> write_sizes(postgres::Connection& database, const LiveStatistics& statistics) {
  PGKEEP_TRY(const Rows rows,
             database.query("SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace "
                            "n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'p', 'i', "
                            "'I', 'f')"));
  std::map<std::pair<std::string, std::string>, std::string> oids;
  for (int row = 0; row < rows.count(); ++row)
    oids[{std::string(rows.text(row, 0)), std::string(rows.text(row, 1))}] = rows.text(row, 2);
  // Lists of numbers: all relations at once.
  std::array<std::vector<std::string>, 5> lists;
  for (const RelationSize& each : statistics.sizes) {
    const auto found = oids.find({each.schema, each.name});
    if (found == oids.end()) continue;
    lists[0].push_back(found->second);
    lists[1].push_back(each.rows);
    lists[2].push_back(each.pages);
    lists[3].push_back(each.pages_all_visible);
    lists[4].push_back(each.pages_all_frozen);
  }
  Parameters parameters;
  for (const std::vector<std::string>& list : lists)
    parameters.emplace_back("{" + base::join(list, ",") + "}");
  PGKEEP_CHECK(database.query(
      fmt::format("UPDATE pg_class c SET reltuples = l.rows, relpages = l.pages, relallvisible = "
                  "l.visible{} FROM unnest($1::oid[], $2::real[], $3::int[], $4::int[], "
                  "$5::int[]) l(oid, rows, pages, visible, frozen) WHERE c.oid = l.oid",
                  database.version().major() >= 18 ? ", relallfrozen = l.frozen" : ""),
      parameters));
  return {};
}

base::Result<> write_column(postgres::Connection& database, const ColumnStatistics& column,
                            const Target& target, const TypeFacts& facts) {
  static const std::string insert =
      fmt::format("INSERT INTO pg_statistic SELECT $1::oid, $2::int2, $3::bool, {}", slots_sql(4));
  Parameters parameters = {target.relation, target.number, column.is_inherited};
  PGKEEP_CHECK(database.query("DELETE FROM pg_statistic WHERE starelid = $1::oid AND staattnum = "
                              "$2::int2 AND stainherit = $3::bool",
                              parameters));
  add_slots(column.values, facts, target.type, target.collation, parameters);
  PGKEEP_CHECK(database.query(insert, parameters));
  return {};
}

std::string note_of(const std::vector<std::string>& names) {
  std::vector<std::string> some(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                   names.size(), kNamesMax)));
  if (names.size() > kNamesMax)
    some.push_back(fmt::format("and {} more", names.size() - kNamesMax));
  return fmt::format("statistics of {} columns were not carried over: {}", names.size(),
                     base::join(some, ", "));
}

base::Result<> write_columns(postgres::Connection& database, const LiveStatistics& statistics,
                             std::vector<std::string>& notes) {
  PGKEEP_TRY(const auto targets, read_targets(database));
  std::set<std::string> types;
  for (const auto& [key, target] : targets)
    types.insert(target.type);
  PGKEEP_TRY(const auto facts, type_facts(database, {types.begin(), types.end()}));
  std::vector<std::string> missed;
  for (const ColumnStatistics& column : statistics.columns) {
    const std::string name = fmt::format("{}.{}.{}", column.schema, column.relation, column.column);
    const auto target = targets.find({column.schema, column.relation, column.column});
    // A table that could not be made here is told already.
    if (target == targets.end()) continue;
    const auto known = facts.find(target->second.type);
    if (known == facts.end() || target->second.format != column.type) {
      missed.push_back(name + " (another type)");
      continue;
    }
    if (const auto done = write_column(database, column, target->second, known->second); !done) {
      if (done.error().code != base::Code::sql) return done.error();
      // Not the server's words: they may quote a value.
      missed.push_back(fmt::format("{} ({})", name, done.error().sqlstate));
    }
  }
  if (!missed.empty()) notes.push_back(note_of(missed));
  return {};
}

} // namespace

base::Result<std::vector<std::string>> write_statistics(postgres::Connection& database,
                                                        const LiveStatistics& statistics) {
  std::vector<std::string> notes;
  // No event trigger of the schema fires, and no failing statement is logged with its values.
  PGKEEP_CHECK(database.execute("SET session_replication_role = replica; "
                                " SET log_min_messages = panic; SET log_statement = none; "
                                "SET log_min_duration_statement = -1; " +
                                text_settings("SET")));
  PGKEEP_CHECK(prepare_type_facts(database));
  PGKEEP_CHECK(write_sizes(database, statistics));
  PGKEEP_CHECK(write_columns(database, statistics, notes));
  PGKEEP_CHECK(write_extended(database, statistics, notes));
  return notes;
}

} // namespace pgkeep::sandbox
