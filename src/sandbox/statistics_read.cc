// One transaction with one snapshot. Values travel as text, written under settings that both sides
// share, so that what one server prints the other reads as the same value.
#include "sandbox/statistics.h"

#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "sandbox/statistics_slots.h"

namespace pgkeep::sandbox {
namespace {

using postgres::Rows;

constexpr std::string_view kOfUsers =
    "NOT IN ('pg_catalog', 'information_schema', 'pgkeep') AND n.nspname !~ '^pg_(toast|temp)'";

std::optional<std::string> maybe(const Rows& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return std::string(rows.text(row, column));
}

/// Thirteen columns, as kValues orders them.
ValueStatistics values_at(const Rows& rows, int row, int first) {
  return {.null_fraction = std::string(rows.text(row, first)),
          .average_width = std::string(rows.text(row, first + 1)),
          .distinct = std::string(rows.text(row, first + 2)),
          .common = maybe(rows, row, first + 3),
          .common_shares = maybe(rows, row, first + 4),
          .histogram = maybe(rows, row, first + 5),
          .correlation = maybe(rows, row, first + 6),
          .common_elements = maybe(rows, row, first + 7),
          .common_element_shares = maybe(rows, row, first + 8),
          .element_counts = maybe(rows, row, first + 9),
          .range_lengths = maybe(rows, row, first + 10),
          .range_empty_share = maybe(rows, row, first + 11),
          .range_bounds = maybe(rows, row, first + 12)};
}

constexpr std::string_view kValues =
    "s.null_frac, s.avg_width, s.n_distinct, s.most_common_vals::text, s.most_common_freqs::text, "
    "s.histogram_bounds::text, s.correlation, s.most_common_elems::text, "
    "s.most_common_elem_freqs::text, s.elem_count_histogram::text, ";

/// Of `p`, a row of pg_statistic: what stands in the slot of that kind.
std::string slot_of(int kind, std::string_view what, std::string_view then) {
  std::string sql = "CASE";
  for (int slot = 1; slot <= 5; ++slot)
    sql += fmt::format(" WHEN p.stakind{0} = {1} THEN p.sta{2}{0}{3}", slot, kind, what, then);
  return sql + " END";
}

base::Result<> read_sizes(postgres::Connection& live, LiveStatistics& statistics) {
  // Where nothing was analyzed yet, the counter of live rows is better than nothing.
  PGKEEP_TRY(
      const Rows rows,
      live.query(fmt::format(
          "SELECT n.nspname, c.relname, c.relpages, CASE WHEN c.relkind IN ('r', 'm') AND "
          "(c.reltuples < 0 OR c.reltuples = 0 AND c.relpages = 0) THEN "
          "coalesce(nullif(pg_stat_get_live_tuples(c.oid), 0), c.reltuples::bigint) ELSE "
          "c.reltuples END, c.relallvisible, {}, c.relkind IN ('r', 'm') AND c.reltuples < 0 "
          "AND pg_stat_get_live_tuples(c.oid) > 0 FROM pg_class c JOIN pg_namespace n ON "
          "n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'p', 'i', 'I', 'f') AND "
          "n.nspname {} ORDER BY 1, 2",
          live.version().major() >= 18 ? "c.relallfrozen" : "0", kOfUsers)));
  int unknown = 0;
  for (int row = 0; row < rows.count(); ++row) {
    if (rows.text(row, 6) == "t") ++unknown;
    statistics.sizes.push_back({.schema = std::string(rows.text(row, 0)),
                                .name = std::string(rows.text(row, 1)),
                                .pages = std::string(rows.text(row, 2)),
                                .rows = std::string(rows.text(row, 3)),
                                .pages_all_visible = std::string(rows.text(row, 4)),
                                .pages_all_frozen = std::string(rows.text(row, 5))});
  }
  if (unknown > 0)
    statistics.notes.push_back(
        fmt::format("{} tables were never analyzed there: plans take them for empty", unknown));
  return {};
}

/// Histograms of ranges where the view has none: NULLs, or from the catalog below it.
base::Result<std::string> range_columns(postgres::Connection& live, std::string& join,
                                        LiveStatistics& statistics) {
  if (live.version().major() >= 17)
    return std::string("s.range_length_histogram::text, s.range_empty_frac, "
                       "s.range_bounds_histogram::text");
  PGKEEP_TRY(const Rows may,
             live.query("SELECT has_table_privilege('pg_statistic', 'select'), EXISTS (SELECT FROM "
                        "pg_stats s, pg_type t, pg_attribute a, pg_class c, pg_namespace n WHERE "
                        "n.nspname = s.schemaname AND c.relnamespace = n.oid AND c.relname = "
                        "s.tablename AND a.attrelid = c.oid AND a.attname = s.attname AND t.oid = "
                        "a.atttypid AND t.typtype IN ('r', 'm'))"));
  if (may.text(0, 0) == "t") {
    join = "JOIN pg_statistic p ON p.starelid = c.oid AND p.staattnum = a.attnum AND p.stainherit "
           "= s.inherited ";
    return fmt::format("{}, {}, {}", slot_of(6, "values", "::text"), slot_of(6, "numbers", "[1]"),
                       slot_of(7, "values", "::text"));
  }
  if (may.text(0, 1) == "t")
    statistics.notes.emplace_back("histograms of ranges could not be read: before PostgreSQL 17 "
                                  "only who may read pg_statistic sees them");
  return std::string("NULL, NULL, NULL");
}

base::Result<> read_columns(postgres::Connection& live, LiveStatistics& statistics) {
  std::string join;
  PGKEEP_TRY(const std::string ranges, range_columns(live, join, statistics));
  PGKEEP_TRY(
      const Rows rows,
      live.query(fmt::format(
          "SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('i', 'I') THEN a.attnum::text ELSE "
          "a.attname::text END, format_type(a.atttypid, NULL), s.inherited, {}{} FROM pg_stats s "
          "JOIN pg_namespace n ON n.nspname = s.schemaname JOIN pg_class c ON c.relnamespace = "
          "n.oid AND c.relname = s.tablename JOIN pg_attribute a ON a.attrelid = c.oid AND "
          "a.attname = s.attname AND NOT a.attisdropped {}WHERE n.nspname {} LIMIT {}",
          kValues, ranges, join, kOfUsers, kColumnsMax)));
  for (int row = 0; row < rows.count(); ++row)
    statistics.columns.push_back({.schema = std::string(rows.text(row, 0)),
                                  .relation = std::string(rows.text(row, 1)),
                                  .column = std::string(rows.text(row, 2)),
                                  .type = std::string(rows.text(row, 3)),
                                  .is_inherited = std::string(rows.text(row, 4)),
                                  .values = values_at(rows, row, 5)});
  if (rows.count() == kColumnsMax)
    statistics.notes.push_back(
        fmt::format("the statistics of {} columns are carried over, and of no more", kColumnsMax));
  // The condition of pg_stats itself, the other way round; an expression's column is its index's.
  PGKEEP_TRY(
      const Rows hidden,
      live.query(fmt::format(
          "SELECT count(*), count(DISTINCT a.attrelid) FROM pg_attribute a JOIN pg_class c ON "
          "c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND "
          "NOT a.attisdropped AND c.relkind IN ('r', 'm', 'p') AND n.nspname {} AND c.reltuples > "
          "0 AND (NOT has_column_privilege(c.oid, a.attnum, 'select') OR row_security_active("
          "c.oid))",
          kOfUsers)));
  if (hidden.text(0, 0) != "0")
    statistics.notes.push_back(
        fmt::format("statistics of {} columns ({} tables) could not be read: the role may not "
                    "SELECT from them, or row-level security applies to it",
                    hidden.text(0, 0), hidden.text(0, 1)));
  return {};
}

base::Result<> read_expressions(postgres::Connection& live, bool has_inherited,
                                std::map<std::string, ExtendedStatistics*>& known) {
  PGKEEP_TRY(const Rows rows,
             live.query(fmt::format(
                 "SELECT s.statistics_schemaname, s.statistics_name, {}, {}NULL, NULL, NULL FROM "
                 "pg_stats_ext_exprs s",
                 has_inherited ? "s.inherited" : "false", kValues)));
  for (int row = 0; row < rows.count(); ++row) {
    const auto found = known.find(
        fmt::format("{}\n{}\n{}", rows.text(row, 0), rows.text(row, 1), rows.text(row, 2)));
    if (found != known.end()) found->second->expressions.push_back(values_at(rows, row, 3));
  }
  return {};
}

base::Result<> read_extended(postgres::Connection& live, LiveStatistics& statistics) {
  const bool has_inherited = live.version().major() >= 15;
  PGKEEP_TRY(
      const Rows rows,
      live.query(fmt::format(
          "SELECT n.nspname, e.stxname, {}, e.stxkeys::text, ARRAY(SELECT a.attname::text FROM "
          "unnest(e.stxkeys) WITH ORDINALITY k(number, place) JOIN pg_attribute a ON a.attrelid = "
          "e.stxrelid AND a.attnum = k.number ORDER BY place), s.n_distinct::bytea, "
          "s.dependencies::bytea, s.most_common_vals::text, s.most_common_freqs::text, "
          "s.most_common_base_freqs::text FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = "
          "e.stxnamespace JOIN pg_stats_ext s ON s.statistics_schemaname = n.nspname AND "
          "s.statistics_name = e.stxname WHERE n.nspname {}",
          has_inherited ? "s.inherited" : "false", kOfUsers)));
  for (int row = 0; row < rows.count(); ++row)
    statistics.extended.push_back({.schema = std::string(rows.text(row, 0)),
                                   .name = std::string(rows.text(row, 1)),
                                   .is_inherited = std::string(rows.text(row, 2)),
                                   .keys = base::split_words(rows.text(row, 3)),
                                   .columns = postgres::parse_array(rows.text(row, 4)),
                                   .distinct = maybe(rows, row, 5),
                                   .dependencies = maybe(rows, row, 6),
                                   .common = maybe(rows, row, 7),
                                   .common_shares = maybe(rows, row, 8),
                                   .common_base_shares = maybe(rows, row, 9)});
  std::map<std::string, ExtendedStatistics*> known;
  for (ExtendedStatistics& each : statistics.extended)
    known[fmt::format("{}\n{}\n{}", each.schema, each.name, each.is_inherited)] = &each;
  PGKEEP_CHECK(read_expressions(live, has_inherited, known));
  PGKEEP_TRY(const Rows hidden,
             live.query(fmt::format(
                 "SELECT count(*) FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = "
                 "e.stxnamespace WHERE n.nspname {} AND NOT EXISTS (SELECT FROM pg_stats_ext s "
                 "WHERE s.statistics_schemaname = n.nspname AND s.statistics_name = e.stxname)",
                 kOfUsers)));
  if (hidden.text(0, 0) != "0")
    statistics.notes.push_back(
        fmt::format("{} extended statistics could not be read: they were never computed, or the "
                    "role does not own their tables",
                    hidden.text(0, 0)));
  return {};
}

base::Result<> read_all(postgres::Connection& live, LiveStatistics& statistics) {
  PGKEEP_CHECK(live.execute(text_settings("SET LOCAL")));
  PGKEEP_CHECK(read_sizes(live, statistics));
  PGKEEP_CHECK(read_columns(live, statistics));
  return read_extended(live, statistics);
}

} // namespace

base::Result<LiveStatistics> read_statistics(postgres::Connection& live) {
  LiveStatistics statistics;
  PGKEEP_CHECK(live.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  auto done = read_all(live, statistics);
  const auto ended = live.execute("ROLLBACK");
  if (!done) return std::move(done).error();
  if (!ended) return ended.error();
  return statistics;
}

} // namespace pgkeep::sandbox
