// Planner, checkpoint and statistics settings, and settings that wait for a restart or do not load.
#include <algorithm>
#include <array>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

constexpr double kSpinningDiskCost = 4;
constexpr std::int64_t kCheckpointsMin = 20;
constexpr double kRequestedShare = 0.5; ///< pgwatch, pgMonitor.
constexpr double kCompletionTarget = 0.8;
constexpr double kBackendShare = 0.2;
constexpr std::int64_t kWritesMin = 10'000; ///< Pages: fewer writes say nothing.

void random_page_cost_hdd(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "random_page_cost", out) == nullptr) return;
  const double cost = catalog::setting_number(db, "random_page_cost").value_or(0);
  if (cost < kSpinningDiskCost) return;
  const bool is_managed = !db.server.managed_by.empty();
  const std::int32_t rotational = db.outside.host ? db.outside.host->rotational : -1;
  if (!is_managed && rotational < 0) {
    out.skip("what kind of disk holds the data is not known");
    return;
  }
  if (!is_managed && rotational == 1) return;
  Finding finding = setting_finding(
      db, "random_page_cost",
      fmt::format("random_page_cost is {}, the price of a spinning disk, and the data is on {}",
                  cost, is_managed ? "a managed host's SSD" : "an SSD"),
      set_server(db, "random_page_cost", "1.1"));
  finding.evidence.set("rotational", rotational);
  finding.evidence.set("managed_by", db.server.managed_by);
  out.add(std::move(finding));
}

/// WAL written in one checkpoint_timeout, and half as much again; never less than twice today's
/// limit.
double wanted_wal_size(const Snapshot& db) {
  const double since = std::max(db.server.stats_since, db.background.wal_stats_reset);
  const double seconds = std::max(1.0, db.server.now - since);
  const double per_second = static_cast<double>(db.background.wal_bytes) / seconds;
  const double timeout_s =
      catalog::setting_number(db, "checkpoint_timeout").value_or(300'000) / 1000;
  const double now = catalog::setting_number(db, "max_wal_size").value_or(0);
  return std::max(per_second * timeout_s * 1.5, now * 2);
}

void checkpoint_pressure(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const std::int64_t requested = db.background.checkpoints_requested;
  const std::int64_t all = requested + db.background.checkpoints_timed;
  if (all < kCheckpointsMin || look_at(db, "max_wal_size", out) == nullptr) return;
  const double share = static_cast<double>(requested) / static_cast<double>(all);
  if (share <= kRequestedShare) return;
  const auto wanted_mb = static_cast<std::int64_t>(wanted_wal_size(db)) / base::kMiB;
  Finding finding = setting_finding(
      db, "max_wal_size",
      fmt::format("{} of {} checkpoints were forced because max_wal_size ({}) was full",
                  human_percent(share), human_count(all), shown_value(db, "max_wal_size")),
      set_server(db, "max_wal_size", fmt::format("{}MB", wanted_mb)));
  finding.fix->note =
      "The disk of pg_wal must have this much free. The counters of checkpoints start "
      "anew, so that the next audit judges the new size.";
  if (finding.fix->safety == Safety::online) {
    constexpr int kOwnView = 170'000; // pg_stat_checkpointer is apart from pg_stat_bgwriter since.
    finding.fix->sql.push_back(
        fmt::format("SELECT pg_catalog.pg_stat_reset_shared('{}')",
                    db.server.version >= kOwnView ? "checkpointer" : "bgwriter"));
  }
  finding.evidence.set("checkpoints_requested", requested);
  finding.evidence.set("checkpoints_timed", db.background.checkpoints_timed);
  finding.evidence.set("wal_bytes", db.background.wal_bytes);
  finding.evidence.set("counters_age_s", whole(db.counters_age_s()));
  out.add(std::move(finding));
}

void checkpoint_completion_target(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "checkpoint_completion_target", out) == nullptr) return;
  const double target = catalog::setting_number(db, "checkpoint_completion_target").value_or(1);
  if (target >= kCompletionTarget) return;
  out.add(
      setting_finding(db, "checkpoint_completion_target",
                      fmt::format("checkpoints write everything in the first {} of their interval",
                                  human_percent(target)),
                      set_server(db, "checkpoint_completion_target", "0.9")));
}

void backend_writes(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Background& writes = db.background;
  const std::int64_t all =
      writes.buffers_backend + writes.buffers_checkpoint + writes.buffers_clean;
  if (all < kWritesMin || look_at(db, "bgwriter_lru_maxpages", out) == nullptr) return;
  const double share = static_cast<double>(writes.buffers_backend) / static_cast<double>(all);
  if (share <= kBackendShare) return;
  const double pages =
      std::max(100.0, catalog::setting_number(db, "bgwriter_lru_maxpages").value_or(100));
  Finding finding = setting_finding(
      db, "bgwriter_lru_maxpages",
      fmt::format("{} of {} page writes were done by sessions that needed a free buffer",
                  human_percent(share), human_count(all)),
      set_server(db, "bgwriter_lru_maxpages", fmt::format("{}", std::min(pages * 4, 10'000.0))));
  finding.fix->note = "Watch the share afterwards; where it stays, shared_buffers is too small for "
                      "the pages in use.";
  finding.evidence.set("by_sessions", writes.buffers_backend);
  finding.evidence.set("by_checkpoints", writes.buffers_checkpoint);
  finding.evidence.set("by_background_writer", writes.buffers_clean);
  out.add(std::move(finding));
}

void planner_switch_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Setting& each : db.settings) {
    if (!each.name.starts_with("enable_") || each.type != "bool") continue;
    if (each.boot_value != "on" || each.value != "off") continue;
    out.add(setting_finding(db, each.name,
                            fmt::format("{} is off for every query of the server", each.name),
                            set_server(db, each.name, "on")));
  }
}

void pending_restart(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Setting& each : db.settings) {
    if (!each.pending_restart) continue;
    out.add(setting_finding(
        db, each.name,
        fmt::format("{} was changed in the files and still runs as {}", each.name,
                    shown_value(db, each.name)),
        Fix{.safety = Safety::manual,
            .phase = Phase::settings,
            .note = "Only a restart of the server takes it over, which no statement can do: plan "
                    "a quiet hour, or take the change back."}));
  }
}

void config_file_error(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::FileError& each : db.file_errors) {
    out.add(
        {.object = fmt::format("{}:{}", each.file, each.line),
         .message = fmt::format("{}: {}", each.name.empty() ? "the line" : each.name, each.error),
         .evidence = Json{{"file", each.file},
                          {"line", each.line},
                          {"setting", each.name},
                          {"error", each.error}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::settings,
             .note = "The line stands in a file of the server's machine, which no statement edits: "
                     "correct it and run SELECT pg_reload_conf()."}});
  }
  if (!has(db.present, Facts::hba)) {
    out.skip(fmt::format("pg_hba.conf: {}", db.why_absent(Facts::hba)));
    return;
  }
  for (const catalog::HbaRule& each : db.hba) {
    if (each.error.empty()) continue;
    out.add({.object = fmt::format("{}:{}", each.file, each.line),
             .message = fmt::format("the server cannot read this line: {}", each.error),
             .evidence = Json{{"file", each.file}, {"line", each.line}, {"error", each.error}},
             .fix = Fix{.safety = Safety::manual,
                        .phase = Phase::settings,
                        .note = "The line stands in a file of the server's machine, which no "
                                "statement edits: while "
                                "it is wrong no change of the file is taken over."}});
  }
}

struct Tracking {
  std::string_view name;
  Severity severity;
  std::string_view consequence;
};
constexpr auto kTracking = std::to_array<Tracking>({
    {"track_counts", Severity::error, "autovacuum does not see what changed and never runs"},
    {"track_activities", Severity::error, "nobody can see what sessions do"},
    {"track_io_timing", Severity::info, "plans and statistics do not show how long reads take"},
});

void track_settings_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Tracking& each : kTracking) {
    const catalog::Setting* const setting = look_at(db, each.name, out);
    if (setting == nullptr || setting->value == "on") continue;
    Finding finding =
        setting_finding(db, each.name, fmt::format("{} is off: {}", each.name, each.consequence),
                        set_server(db, each.name, "on"));
    finding.severity = each.severity;
    out.add(std::move(finding));
  }
}

constexpr Rule kPlannerRules[] = {
    {.id = "random-page-cost-hdd",
     .title = "random_page_cost is that of a spinning disk",
     .why = "The planner reads whole tables where an index on an SSD is many times faster.",
     .how = "1.1 on SSDs and network storage.",
     .source = "PostgreSQL manual, runtime-config-query: random_page_cost; pgtune",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = random_page_cost_hdd},
    {.id = "checkpoint-pressure",
     .title = "Checkpoints are forced by the volume of WAL",
     .why = "Each checkpoint writes every dirty page and makes WAL larger: writes stall every few "
            "minutes.",
     .how = "Raise max_wal_size to one and a half times the WAL of a checkpoint_timeout.",
     .source = "PostgreSQL manual, wal-configuration; pgwatch, pgMonitor",
     .severity = Severity::warning,
     .area = Area::configuration,
     .counts_rates = true,
     .needs = Facts::settings | Facts::background,
     .judge = checkpoint_pressure},
    {.id = "checkpoint-completion-target",
     .title = "Checkpoints write in bursts",
     .why = "Queries are slow while a checkpoint writes all its pages at once.",
     .how = "0.9, the default since 14.",
     .source =
         "PostgreSQL manual, runtime-config-wal: checkpoint_completion_target; postgresqltuner",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = checkpoint_completion_target},
    {.id = "backend-writes",
     .title = "Sessions write dirty pages themselves",
     .why = "A query that needs a buffer first waits until another page is written out.",
     .how = "Let the background writer write more pages a round, or raise shared_buffers.",
     .source = "PostgreSQL manual, runtime-config-resource: Background Writer; monitoring-stats: "
               "pg_stat_io",
     .severity = Severity::info,
     .area = Area::configuration,
     .counts_rates = true,
     .needs = Facts::settings | Facts::background,
     .judge = backend_writes},
    {.id = "planner-switch-off",
     .title = "A planner method is switched off for the whole server",
     .why = "One query was helped, and every other query lost a way to run.",
     .how = "Switch it on again and set it in the one session or function that needs it.",
     .source = "PostgreSQL manual, runtime-config-query: Planner Method Configuration",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = planner_switch_off},
    {.id = "pending-restart",
     .title = "A changed setting waits for a restart",
     .why = "The files say one thing and the server does another: the next restart changes its "
            "behaviour by surprise.",
     .how = "Restart in a quiet hour.",
     .source = "PostgreSQL manual, view-pg-settings: pending_restart",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = pending_restart},
    {.id = "config-file-error",
     .title = "A configuration file has an error",
     .why = "Reloads are refused as long as it is there, and the next restart may fail.",
     .how = "Correct the line and reload.",
     .source = "PostgreSQL manual, view-pg-file-settings, view-pg-hba-file-rules",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::file_settings,
     .judge = config_file_error},
    {.id = "track-settings-off",
     .title = "The server does not track what it does",
     .why = "Without counters autovacuum stops, and nobody can say why a query is slow.",
     .how = "Switch them on; they cost next to nothing.",
     .source = "PostgreSQL manual, runtime-config-statistics",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = track_settings_off},
};

} // namespace

const std::span<const Rule> planner_rules{kPlannerRules};

} // namespace pgkeep::audit
