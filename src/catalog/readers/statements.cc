// pg_stat_statements: the statements that take the most time, and the state of the extension.
//
// Our own statements hold a comment that names us and are left out. The texts have constants
// replaced already, but for utility statements; so each text is normalised again and what is left
// of constants is emptied before it is kept.
#include "catalog/reader.h"
#include "postgres/sql_parser.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kStatements = R"(
SELECT coalesce(s.queryid::text, '') AS query_id, coalesce(s.query, '') AS query,
       pg_get_userbyid(s.userid) AS "user", s.calls, {{statements_total}} AS total_ms,
       {{statements_mean}} AS mean_ms, {{statements_max}} AS max_ms, s.rows,
       s.shared_blks_hit AS shared_hit, s.shared_blks_read AS shared_read,
       s.temp_blks_written AS temp_written, ({{statements_wal}})::bigint AS wal_bytes
FROM {{statements_schema}}.pg_stat_statements s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND {{statements_toplevel}} AND strpos(s.query, '/* pgkeep: ') = 0
ORDER BY {{statements_total}} DESC LIMIT 200)";

constexpr std::size_t kQueryBytesMax = 2000;
/// Far longer texts are generated lists of values; the parser need not see all of them.
constexpr std::size_t kParsedBytesMax = std::size_t{64} * 1024;

/// At the end of a character, not within one.
void cut(std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U)
    --bytes;
  text.resize(bytes);
}

void take_statements(const postgres::Rows& rows, ReadState& state) {
  state.db.statements = decode_rows<Statement>(rows);
  const auto is_hidden = [](const Statement& each) {
    return each.query == "<insufficient privilege>";
  };
  if (std::erase_if(state.db.statements, is_hidden) > 0 && !state.probe.sees_all_statistics)
    state.hidden = "the role is not a member of pg_read_all_stats (pg_monitor): other roles' "
                   "statements are hidden";
  for (Statement& each : state.db.statements) {
    cut(each.query, kParsedBytesMax);
    each.query = without_literals(postgres::normalize(each.query));
    cut(each.query, kQueryBytesMax);
  }
}

std::string refuse_statements(const Probe& probe) {
  if (probe.statements_schema.empty()) {
    return probe.is_statements_preloaded
               ? "extension pg_stat_statements is preloaded but not created in this database"
               : "extension pg_stat_statements is not installed";
  }
  return probe.is_statements_preloaded
             ? ""
             : "pg_stat_statements is created but not in shared_preload_libraries";
}

// Texts that differ in constants only: parameters in a row count as one, as in IN lists of
// different lengths, and so do constants of utility statements.
constexpr std::string_view kStatementsInfo = R"(
WITH entry AS MATERIALIZED (
  SELECT s.userid, s.queryid, s.query, s.calls, {{statements_total}} AS total,
         {{statements_toplevel}} AS is_toplevel,
         s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AS is_here
  FROM {{statements_schema}}.pg_stat_statements s
  WHERE strpos(s.query, '/* pgkeep: ') = 0
), variant AS (
  SELECT count(*) AS entries
  FROM entry e WHERE e.is_here AND e.calls = 1 AND e.query <> '<insufficient privilege>'
  GROUP BY e.userid, md5(regexp_replace(regexp_replace(left(e.query, 2000),
    '''[^'']*''|[$][0-9]+|\m[0-9]+(\.[0-9]+)?\M', '?', 'g'),
    '[?]([[:space:]]*,[[:space:]]*[?])+', '?', 'g'))
)
SELECT true AS is_preloaded, true AS is_installed,
       (SELECT count(*) FROM entry) AS entries,
       current_setting('pg_stat_statements.max')::bigint AS entries_max,
       i.dealloc AS evictions, coalesce(extract(epoch FROM i.stats_reset), 0) AS stats_reset,
       (SELECT coalesce(sum(e.total), 0) FROM entry e WHERE e.is_here AND e.is_toplevel)
         AS total_ms,
       (SELECT coalesce(sum(v.entries), 0)::bigint FROM variant v WHERE v.entries > 1)
         AS single_call_variants
FROM {{statements_info}} i)";

constexpr Reader kStatementReaders[] = {
    {.name = "statements",
     .facts = Facts::statements,
     .title = "The statements that take the most time",
     .sql = kStatements,
     .take = take_statements,
     .refuse = refuse_statements},
    {.name = "statements' state",
     .facts = Facts::statements,
     .title = "How full pg_stat_statements is",
     .sql = kStatementsInfo,
     .take = take_one<&Snapshot::statements_info>,
     .refuse = refuse_statements},
};

} // namespace

const std::span<const Reader> statement_readers{kStatementReaders};

} // namespace pgkeep::catalog
