// Everything here is said once, above the findings: the reader must know how old the counters are
// and by which limits was judged before a finding, or a missing one, means anything.
#include "audit/report_head.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "audit/version_table.h"
#include "base/units.h"
#include "postgres/types.h"

namespace pgkeep::audit {
namespace {

using catalog::Snapshot;
using findings::Limits;

std::string iso(double unix_s) {
  return base::to_iso(base::Timestamp{
      std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(unix_s))});
}

std::string human(double seconds) {
  return base::human_duration(
      std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds)));
}

/// Which member a key of pgkeep.toml fills, for telling what was changed.
struct LimitRow {
  std::string_view key;
  base::Duration Limits::* duration = nullptr;
  std::int64_t Limits::* number = nullptr;
  bool is_bytes = false;
};
constexpr auto kLimitRows = std::to_array<LimitRow>({
    {.key = "counters-age", .duration = &Limits::counters_age},
    {.key = "unused-index-age", .duration = &Limits::unused_index_age},
    {.key = "unused-index-size", .number = &Limits::unused_index_bytes, .is_bytes = true},
    {.key = "long-query", .duration = &Limits::long_query},
    {.key = "long-transaction", .duration = &Limits::long_transaction},
    {.key = "idle-in-transaction", .duration = &Limits::idle_in_transaction},
    {.key = "blocked", .duration = &Limits::blocked},
    {.key = "prepared-transaction", .duration = &Limits::prepared_transaction},
    {.key = "xmin-horizon", .duration = &Limits::xmin_horizon},
    {.key = "slot-inactive", .duration = &Limits::slot_inactive},
    {.key = "statistics-age", .duration = &Limits::statistics_age},
    {.key = "small-table-rows", .number = &Limits::small_table_rows},
    {.key = "bloat-size", .number = &Limits::bloat_bytes, .is_bytes = true},
    {.key = "dead-rows", .number = &Limits::dead_rows},
    {.key = "big-table-rows", .number = &Limits::big_table_rows},
    {.key = "seq-scan-rows", .number = &Limits::seq_scan_rows},
});

std::string value_text(const Limits& limits, const LimitRow& row) {
  if (row.duration != nullptr) return base::human_duration(limits.*row.duration);
  const std::int64_t number = limits.*row.number;
  return row.is_bytes ? base::human_bytes(number) : base::human_count(number);
}

bool is_changed(const Limits& limits, const Limits& defaults, const LimitRow& row) {
  return row.duration != nullptr ? limits.*row.duration != defaults.*row.duration
                                 : limits.*row.number != defaults.*row.number;
}

void note_counters(std::vector<std::string>& notes, const Snapshot& db) {
  if (db.server.stats_since <= 0) return;
  notes.push_back(fmt::format("counters count since {} ({})", iso(db.server.stats_since),
                              counters_age_text(db)));
}

void note_limits(std::vector<std::string>& notes, const Limits& limits) {
  const Limits defaults = findings::limits_from(base::Config{});
  std::string changed;
  for (const LimitRow& row : kLimitRows) {
    if (!is_changed(limits, defaults, row)) continue;
    changed += fmt::format("{}{} = {} (default {})", changed.empty() ? "" : ", ", row.key,
                           value_text(limits, row), value_text(defaults, row));
  }
  if (!changed.empty()) notes.push_back("limits changed by audit.limits: " + changed);
}

/// Other people's open transactions are findings or not, depending on the limits; that they are
/// there is always said, for an audit of a demo holds one on purpose.
void note_open_sessions(std::vector<std::string>& notes, const Snapshot& db) {
  std::int64_t open = 0;
  double oldest_s = 0;
  for (const catalog::Session& each : db.sessions) {
    if (each.is_own || !each.state.starts_with("idle in transaction")) continue;
    ++open;
    oldest_s = std::max(oldest_s, each.xact_age_s);
  }
  if (open == 0) return;
  notes.push_back(fmt::format("{} {} held open in a transaction, the oldest for {}", open,
                              open == 1 ? "session is" : "sessions are", human(oldest_s)));
}

} // namespace

std::string counters_age_text(const Snapshot& db) {
  return human(std::max(0.0, db.counters_age_s()));
}

void fill_head(findings::Report& report, const Snapshot& db, const Limits& limits) {
  const std::string version = postgres::to_text(postgres::ServerVersion{db.server.version});
  report.target = base::Json{{"database", db.server.database},
                             {"host", db.server.address},
                             {"user", db.server.user},
                             {"server_version", version},
                             {"taken_at", iso(db.server.now)}};
  report.title =
      fmt::format("{} on {}, PostgreSQL {}", db.server.database, db.server.address, version);
  note_counters(report.notes, db);
  note_limits(report.notes, limits);
  note_open_sessions(report.notes, db);
  report.notes.push_back(fmt::format("releases of PostgreSQL as known on {}", kVersionTableDate));
  report.notes.insert(report.notes.end(), db.notes.begin(), db.notes.end());
}

} // namespace pgkeep::audit
