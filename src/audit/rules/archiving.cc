// WAL archiving and backups: what of the data survives the loss of this machine, and whether
// anybody has tried.

#include <algorithm>
#include <array>
#include <string>

#include "audit/families.h"
#include "audit/rules/disks.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

constexpr double kDaySeconds = 86'400;
constexpr double kFullAgeSecondsInfo = kDaySeconds; // guides: newest full within 24 hours.
constexpr double kFullAgeSecondsWarning = 7 * kDaySeconds;
constexpr double kDrillAgeSeconds = 30 * kDaySeconds;
constexpr std::int64_t kBacklogWarning = 10; // check_postgres.
constexpr std::int64_t kBacklogError = 100;
constexpr double kBacklogShareError = 0.25;
constexpr double kSegmentsPerMinute = 1;
constexpr double kIdleFactor = 2;
constexpr double kIdleSecondsMin = 300;
// Commands that throw the segment away and report success.
constexpr std::array<std::string_view, 6> kDiscards{"/bin/true",     "true",   ":",
                                                    "/usr/bin/true", "exit 0", "cd ."};

double segment_bytes(const Snapshot& db) {
  return catalog::setting_number(db, "wal_segment_size").value_or(16.0 * base::kMiB);
}

bool archive_mode_on(const Snapshot& db) {
  const std::string mode = catalog::setting_text(db, "archive_mode");
  return mode == "on" || mode == "always";
}

std::string archive_command(const Snapshot& db) {
  const std::string command = catalog::setting_text(db, "archive_command");
  return command == "(disabled)" ? std::string{} : command;
}

/// Whether somebody copies the WAL without archive_mode: pg_receivewal, now connected.
bool is_received(const Snapshot& db) {
  return std::ranges::any_of(db.replicas, [](const catalog::Replica& replica) {
    return replica.is_backup_or_receiver && replica.state == "streaming";
  });
}

Fix archive_fix(bool mode_is_on) {
  Fix fix{.safety = Safety::manual,
          .phase = Phase::settings,
          .note = "Only a person can say where the archive is to be, and it must be another "
                  "machine: set archive_command (or "
                  "archive_library, 15 and later) of your backup tool."};
  if (!mode_is_on) {
    fix.sql = {"ALTER SYSTEM SET archive_mode = 'on'"};
    fix.note += " archive_mode takes effect when the server restarts.";
  }
  return fix;
}

void archiving_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.server.managed_by.empty()) {
    out.skip(
        fmt::format("{} keeps the WAL itself and shows no settings of it", db.server.managed_by));
    return;
  }
  if (db.server.is_standby) {
    out.skip("this is a standby: archiving is judged on its primary");
    return;
  }
  if (is_received(db) || (db.outside.backups && !db.outside.backups->repository.empty())) return;
  const bool mode_is_on = archive_mode_on(db);
  const std::string command = archive_command(db);
  const std::string library = catalog::setting_text(db, "archive_library");
  const std::string_view trimmed = base::trim(command);
  const bool discards = std::ranges::find(kDiscards, trimmed) != kDiscards.end();
  std::string message;
  if (!mode_is_on) {
    message = "archive_mode is off and no pg_receivewal is connected: only the last backup could "
              "be restored, nothing after it";
  } else if (library.empty() && trimmed.empty()) {
    message = "archive_mode is on without an archive_command: WAL is kept for ever until the disk "
              "is full";
  } else if (library.empty() && discards) {
    message = "archive_command reports success without copying anything";
  } else {
    return;
  }
  out.add({.object = mode_is_on ? "setting archive_command" : "setting archive_mode",
           .message = std::move(message),
           .evidence = Json{{"archive_mode", catalog::setting_text(db, "archive_mode")},
                            {"archive_command_is_set", !trimmed.empty()},
                            {"archive_command_discards", discards},
                            {"archive_library", library}},
           .fix = archive_fix(mode_is_on)});
}

void archive_failing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!archive_mode_on(db)) return; // archiving-off says so.
  const catalog::Archiver& archiver = db.archiver;
  Json evidence{{"failed", archiver.failed},
                {"last_failed_wal", archiver.last_failed_wal},
                {"last_failed", archiver.last_failed},
                {"last_archived_wal", archiver.last_archived_wal},
                {"last_archived", archiver.last_archived}};
  const Fix fix{.safety = Safety::manual,
                .phase = Phase::repair,
                .note = "The reason stands in the server's log and lies outside the database "
                        "(network, credentials, full archive): run "
                        "the archive_command for that segment by hand as the server's user."};
  if (archiver.last_failed > archiver.last_archived) {
    const std::string since =
        archiver.last_archived > 0
            ? fmt::format("the last success was {} ago",
                          human_seconds(db.server.now - archiver.last_archived))
            : std::string{"none ever succeeded"};
    out.add({.object = "archiver",
             .message = fmt::format("segment {} could not be archived; {} attempts failed and {}",
                                    archiver.last_failed_wal, human_count(archiver.failed), since),
             .evidence = std::move(evidence),
             .fix = fix});
    return;
  }
  // An idle server archives nothing; but segments that wait, longer than the timeout asks for, mean
  // that the archiver hangs.
  if (!has(db.present, Facts::archive_status) || db.archive_status.ready == 0 ||
      archiver.last_archived <= 0)
    return;
  const double timeout_s = catalog::setting_number(db, "archive_timeout").value_or(0) / 1000;
  const double age = db.server.now - archiver.last_archived;
  if (timeout_s <= 0 || age <= std::max(kIdleSecondsMin, kIdleFactor * timeout_s)) return;
  evidence.set("ready", db.archive_status.ready);
  out.add({.object = "archiver",
           .message = fmt::format(
               "{} segments wait and none was archived for {}, although archive_timeout is {}",
               human_count(db.archive_status.ready), human_seconds(age), human_seconds(timeout_s)),
           .evidence = std::move(evidence),
           .fix = fix});
}

void archive_backlog(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const std::int64_t ready = db.archive_status.ready;
  if (ready <= kBacklogWarning) return;
  const auto bytes = static_cast<std::int64_t>(static_cast<double>(ready) * segment_bytes(db));
  const catalog::Disk* const disk = wal_disk(db);
  const double share = disk != nullptr && disk->total_bytes > 0
                           ? static_cast<double>(bytes) / static_cast<double>(disk->total_bytes)
                           : 0;
  const bool is_error = ready > kBacklogError || share > kBacklogShareError;
  out.add({.severity = is_error ? Severity::error : Severity::warning,
           .object = "archiver",
           .message = fmt::format("{} WAL segments ({}) wait to be archived", human_count(ready),
                                  human_bytes(bytes)),
           .evidence = Json{{"ready", ready}, {"bytes", bytes}, {"share_of_disk", share}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::repair,
                      .note = "The archive is slower than the WAL or refuses it: mend or speed up "
                              "the archive_command (compression, "
                              "several at a time). Never remove files from pg_wal by hand."}});
}

void archive_timeout_none(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!archive_mode_on(db) || db.server.is_standby) return;
  if (catalog::setting_number(db, "archive_timeout").value_or(0) > 0) return;
  const double since = db.background.wal_stats_reset > 0
                           ? std::max(db.background.wal_stats_reset, db.server.stats_since)
                           : db.server.stats_since;
  const double age = std::max(1.0, db.server.now - since);
  const double per_minute =
      static_cast<double>(db.background.wal_bytes) / segment_bytes(db) / (age / 60);
  if (per_minute >= kSegmentsPerMinute) return;
  out.add({.object = "setting archive_timeout",
           .message = fmt::format(
               "a segment fills every {} on average and is archived only then: as much can be lost",
               per_minute > 0 ? human_seconds(60 / per_minute) : std::string{"few days"}),
           .evidence = Json{{"segments_per_minute", per_minute}, {"archive_timeout", 0}},
           .fix = alter_system(db, "archive_timeout", "60s")});
}

double now_of(const Snapshot& db) {
  return db.outside.clock.value_or(db.server.now);
}

Fix by_hand(std::string note) {
  return {.safety = Safety::manual, .phase = Phase::maintenance, .note = std::move(note)};
}

void backup_age(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.backups) return;
  const catalog::BackupState& backups = *db.outside.backups;
  const std::string where =
      backups.repository.empty() ? "backups" : "repository " + backups.repository;
  const Fix fix = by_hand("No SQL statement copies the data elsewhere: take a base backup, and let "
                          "a timer take one every day.");
  if (backups.newest_full <= 0) {
    out.add({.severity = Severity::error,
             .object = where,
             .message = "there is no full backup at all",
             .evidence = Json{{"repository", backups.repository}, {"newest_full", 0}},
             .fix = fix});
    return;
  }
  const double age = now_of(db) - backups.newest_full;
  if (age <= kFullAgeSecondsInfo) return;
  out.add({.severity = age > kFullAgeSecondsWarning ? Severity::warning : Severity::info,
           .object = where,
           .message = fmt::format("the newest full backup is {} old", human_seconds(age)),
           .evidence = Json{{"repository", backups.repository},
                            {"newest_full", backups.newest_full},
                            {"age_s", static_cast<std::int64_t>(age)}},
           .fix = fix});
}

void never_restored(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.backups) return;
  const catalog::BackupState& backups = *db.outside.backups;
  if (backups.newest_full <= 0) {
    out.skip("there is no backup that could be restored");
    return;
  }
  const double age = now_of(db) - backups.newest_drill;
  if (backups.newest_drill > 0 && age <= kDrillAgeSeconds) return;
  out.add(
      {.object = backups.repository.empty() ? "backups" : "repository " + backups.repository,
       .message =
           backups.newest_drill > 0
               ? fmt::format("the last restore that worked was {} ago", human_seconds(age))
               : std::string{"no backup was ever restored: nobody knows whether they can be"},
       .evidence = Json{{"repository", backups.repository}, {"newest_drill", backups.newest_drill}},
       .fix = by_hand("A backup is proved only by restoring it on another server and looking at "
                      "the data: do so once a month.")});
}

void wal_level_minimal(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (catalog::setting_text(db, "wal_level") != "minimal") return;
  out.add(
      {.object = "setting wal_level",
       .message =
           "with wal_level minimal neither a base backup nor an archive nor a replica is possible",
       .evidence = Json{{"wal_level", "minimal"},
                        {"max_wal_senders", catalog::setting_text(db, "max_wal_senders")}},
       .fix = alter_system(db, "wal_level", "replica")});
}

constexpr Rule kArchivingRules[] = {
    {.id = "archiving-off",
     .title = "WAL is not archived",
     .why = "When the machine is lost, everything since the last backup is lost with it, and no "
            "earlier moment can be restored.",
     .how = "Archive WAL to another machine: archive_mode with the command of a backup tool, or "
            "pg_receivewal.",
     .source = "PostgreSQL manual, continuous-archiving; postgresai",
     .severity = Severity::error,
     .area = Area::backups,
     .needs = Facts::settings | Facts::replicas,
     .judge = archiving_off},
    {.id = "archive-failing",
     .title = "Archiving WAL fails",
     .why = "WAL piles up until the disk is full and the server stops; meanwhile nothing new can "
            "be restored.",
     .how = "Read the server's log for the failed segment and mend the archive_command.",
     .source =
         "PostgreSQL manual, monitoring-stats: pg_stat_archiver; pgMonitor, postgres_exporter",
     .severity = Severity::error,
     .area = Area::backups,
     .needs = Facts::archiver | Facts::settings,
     .judge = archive_failing},
    {.id = "archive-backlog",
     .title = "WAL segments wait to be archived",
     .why =
         "What is not archived is lost with the machine, and the waiting segments fill the disk.",
     .how = "Make the archive_command faster than the WAL is written.",
     .source = "check_postgres (archive_ready); pgwatch",
     .severity = Severity::warning,
     .area = Area::backups,
     .needs = Facts::archive_status | Facts::settings,
     .judge = archive_backlog},
    {.id = "archive-timeout-none",
     .title = "Quiet hours are not archived",
     .why = "A segment is archived when it is full: on a quiet server hours of commits wait on "
            "this machine alone.",
     .how = "Set archive_timeout to the loss that you can bear.",
     .source = "PostgreSQL manual, continuous-archiving: Setting Up WAL Archiving",
     .severity = Severity::info,
     .area = Area::backups,
     .counts_rates = true,
     .needs = Facts::settings | Facts::background,
     .judge = archive_timeout_none},
    {.id = "backup-age",
     .title = "No recent full backup",
     .why = "Restoring means replaying all WAL since the last full backup: without one there is "
            "nothing to start from.",
     .how = "Take a full backup every day.",
     .source = "pgMonitor; the going-live checklist (24 hours)",
     .severity = Severity::error,
     .area = Area::backups,
     .needs = Facts::backups,
     .judge = backup_age},
    {.id = "never-restored",
     .title = "Backups are not proved by a restore",
     .why = "A backup that was never restored is a hope; the fault shows on the day it is needed.",
     .how = "Restore the newest backup on another server every month and look at the data.",
     .source = "The going-live checklist (30 days)",
     .severity = Severity::warning,
     .area = Area::backups,
     .needs = Facts::backups,
     .judge = never_restored},
    {.id = "wal-level-minimal",
     .title = "wal_level forbids backups and replicas",
     .why = "The WAL lacks what a base backup, an archive or a standby needs; only a dump with its "
            "downtime remains.",
     .how = "Set wal_level to replica and restart.",
     .source = "PostgreSQL manual, runtime-config-wal: wal_level",
     .severity = Severity::error,
     .area = Area::backups,
     .needs = Facts::settings,
     .judge = wal_level_minimal},
};

} // namespace

const std::span<const Rule> archiving_rules{kArchivingRules};

} // namespace pgkeep::audit
