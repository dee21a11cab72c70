/// The planner's statistics of a live database, carried over to a sandbox: sizes of relations,
/// statistics of columns and of expressions in indexes, extended statistics.
///
/// They hold values of the live rows (most common values, bounds of histograms). They go from the
/// live server through this process's memory into the sandbox's data directory and nowhere else:
/// no message, no note, no log and no file of ours holds one. That is why a failure here is told
/// by the column's name and the SQLSTATE, never in the server's words, and why the session that
/// writes them logs nothing.
///
/// Read through the views pg_stats, pg_stats_ext and pg_stats_ext_exprs, which show a role what it
/// may read; what they hide is counted. Histograms of ranges are in them from 17 on; before, only
/// a role that may read pg_statistic gets them. Statistics of kinds that only an extension knows
/// are in no view. Written straight into pg_statistic in one way for 14 to 18, slots laid out and
/// operators chosen as ANALYZE does it; a test holds the rows against those of ANALYZE. (18's
/// pg_restore_attribute_stats() would do for columns there, and knows no extended statistics.)
///
/// Threads: plain functions. Errors: of the connections; what cannot be written is a note. Memory:
/// as much as the live statistics, at most kColumnsMax columns.
/// Source: PostgreSQL manual, view-pg-stats, view-pg-stats-ext, catalog-pg-statistic,
/// catalog-pg-statistic-ext-data; src/backend/commands/analyze.c, utils/adt/rangetypes_typanalyze.c
/// and array_typanalyze.c; statistics/mvdistinct.c, dependencies.c and mcv.c for the formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"

namespace pgkeep::sandbox {

constexpr int kColumnsMax = 100'000;

struct RelationSize {
  std::string schema;
  std::string name;
  std::string pages;
  std::string rows; ///< reltuples; "-1" = never looked at.
  std::string pages_all_visible;
  std::string pages_all_frozen; ///< From 18 on; else "0".
};

/// Of a column or an expression. Texts are the server's; nullopt = NULL.
struct ValueStatistics {
  std::string null_fraction;
  std::string average_width;
  std::string distinct;
  std::optional<std::string> common;
  std::optional<std::string> common_shares;
  std::optional<std::string> histogram;
  std::optional<std::string> correlation;
  std::optional<std::string> common_elements;
  std::optional<std::string> common_element_shares;
  std::optional<std::string> element_counts;
  std::optional<std::string> range_lengths;
  std::optional<std::string> range_empty_share;
  std::optional<std::string> range_bounds;
};

struct ColumnStatistics {
  std::string schema;
  std::string relation; ///< A table, a materialized view, or an index with an expression.
  std::string column;   ///< Of an index: its place, for its name is made up anew.
  std::string type;     ///< format_type(); another one here: it is not the same column.
  std::string is_inherited;
  ValueStatistics values;
};

struct ExtendedStatistics {
  std::string schema;
  std::string name;
  std::string is_inherited;
  std::vector<std::string> keys;           ///< Numbers of the columns, there.
  std::vector<std::string> columns;        ///< Their names.
  std::optional<std::string> distinct;     ///< pg_ndistinct as bytea.
  std::optional<std::string> dependencies; ///< pg_dependencies as bytea.
  std::optional<std::string> common;       ///< text[][], beside three lists.
  std::optional<std::string> common_shares;
  std::optional<std::string> common_base_shares;
  std::vector<ValueStatistics> expressions = {};
};

struct LiveStatistics {
  std::vector<RelationSize> sizes = {};
  std::vector<ColumnStatistics> columns = {};
  std::vector<ExtendedStatistics> extended = {};
  std::vector<std::string> notes = {}; ///< What could not be read, a sentence each.
};
base::Result<LiveStatistics> read_statistics(postgres::Connection& live);

/// What is of another type here, or not here at all, is left out. `database`: as superuser of a
/// sandbox. Returns notes on what could not be written. The session's settings change: it is for
/// nothing else.
base::Result<std::vector<std::string>> write_statistics(postgres::Connection& database,
                                                        const LiveStatistics& statistics);

} // namespace pgkeep::sandbox
