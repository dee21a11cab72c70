// Capacity: disks, the WAL directory, large objects.

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

constexpr double kUsedWarning = 0.75; // pgMonitor.
constexpr double kUsedError = 0.90;
constexpr std::int64_t kFreePlenty = 50 * base::kGiB;
constexpr double kWalFactor = 2; // check_postgres.

void disk_full_soon(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.host) return;
  if (db.outside.host->disks.empty()) {
    out.skip("the disks of the server's machine are not known");
    return;
  }
  // One file system may carry several roles; its size and free space give it away, but for what was
  // written in between.
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  for (const catalog::Disk& disk : db.outside.host->disks) {
    if (disk.total_bytes <= 0 ||
        !seen.emplace(disk.total_bytes, disk.free_bytes / base::kGiB).second)
      continue;
    const double used =
        1 - static_cast<double>(disk.free_bytes) / static_cast<double>(disk.total_bytes);
    if (used <= kUsedWarning) continue;
    const bool has_plenty = disk.free_bytes > kFreePlenty;
    Severity severity = used > kUsedError ? Severity::error : Severity::warning;
    if (has_plenty) severity = used > kUsedError ? Severity::warning : Severity::info;
    out.add({.severity = severity,
             .object = fmt::format("disk {} ({})", disk.path, disk.role),
             .message = fmt::format("{} full, {} of {} are free", human_percent(used),
                                    human_bytes(disk.free_bytes), human_bytes(disk.total_bytes)),
             .evidence = Json{{"path", disk.path},
                              {"role", disk.role},
                              {"total_bytes", disk.total_bytes},
                              {"free_bytes", disk.free_bytes}},
             .fix = Fix{.safety = Safety::manual,
                        .phase = Phase::maintenance,
                        .note = "No statement makes a disk larger. See what takes the room (WAL "
                                "kept by slots or a failing archive, "
                                "bloat, logs), then enlarge it; never remove files from the data "
                                "folder by hand."}});
  }
}

/// What keeps WAL beyond max_wal_size, as far as it can be seen.
std::string cause_of(const Snapshot& db, Json& evidence) {
  std::string worst;
  std::int64_t most = 0;
  for (const catalog::Slot& slot : db.slots) {
    if (slot.retained_bytes > most) {
      most = slot.retained_bytes;
      worst = slot.name;
    }
  }
  evidence.set("slot", worst);
  evidence.set("slot_retained_bytes", most);
  evidence.set("archive_ready", db.archive_status.ready);
  const double max =
      catalog::setting_number(db, "max_wal_size").value_or(static_cast<double>(base::kGiB));
  if (static_cast<double>(most) > max)
    return fmt::format("slot {} keeps {}", worst, human_bytes(most));
  const double segment =
      catalog::setting_number(db, "wal_segment_size").value_or(16.0 * base::kMiB);
  if (static_cast<double>(db.archive_status.ready) * segment > max) {
    return fmt::format("{} segments wait for the archive", human_count(db.archive_status.ready));
  }
  return "neither a slot nor the archive keeps it: checkpoints come too late";
}

void wal_directory_big(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const double max =
      catalog::setting_number(db, "max_wal_size").value_or(static_cast<double>(base::kGiB));
  const double keep =
      std::max(0.0, catalog::setting_number(db, "wal_keep_size").value_or(0)); // Kept on purpose.
  if (static_cast<double>(db.wal_directory.bytes) <= kWalFactor * max + keep) return;
  Json evidence{{"bytes", db.wal_directory.bytes},
                {"files", db.wal_directory.files},
                {"max_wal_size_bytes", static_cast<std::int64_t>(max)},
                {"wal_keep_size_bytes", static_cast<std::int64_t>(keep)}};
  const std::string cause = cause_of(db, evidence);
  out.add({.object = "directory pg_wal",
           .message = fmt::format("pg_wal holds {}, more than twice max_wal_size ({}): {}",
                                  human_bytes(db.wal_directory.bytes),
                                  human_bytes(static_cast<std::int64_t>(max)), cause),
           .evidence = std::move(evidence),
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::maintenance,
                      .sql = {"CHECKPOINT"},
                      .note = "The WAL goes only when its keeper lets go: mend the slot or the "
                              "archive that is named, then a checkpoint "
                              "removes it. Never remove files from pg_wal by hand."}});
}

void large_objects_orphaned(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::LargeObjects& objects = db.large_objects;
  if (objects.count <= 0 || objects.reference_columns > 0) return;
  out.add(
      {.object = "large objects",
       .message = fmt::format("{} large objects, and no column of any table could refer to one",
                              human_count(objects.count)),
       .evidence = Json{{"count", objects.count}, {"reference_columns", objects.reference_columns}},
       .fix = Fix{.safety = Safety::manual,
                  .phase = Phase::maintenance,
                  .sql = {"SELECT lo_unlink(oid) FROM pg_largeobject_metadata"},
                  .note = "It deletes their content for good, and an application may keep the "
                          "numbers elsewhere: a person must know "
                          "that nobody does. vacuumlo does the same, in small transactions."}});
}

constexpr Rule kCapacityRules[] = {
    {.id = "disk-full-soon",
     .title = "Disk is nearly full",
     .why = "When the disk of the WAL or the data is full, the server stops.",
     .how = "Find what grew, free it or enlarge the disk.",
     .source = "pgMonitor (75 and 90 %); PostgreSQL manual, disk-full",
     .severity = Severity::warning,
     .area = Area::capacity,
     .needs = Facts::host,
     .judge = disk_full_soon},
    {.id = "wal-directory-big",
     .title = "pg_wal is far larger than max_wal_size",
     .why =
         "Something keeps WAL that checkpoints should have removed; left alone it fills the disk.",
     .how = "Mend the slot or the archive that keeps it.",
     .source = "check_postgres; PostgreSQL manual, wal-configuration",
     .severity = Severity::warning,
     .area = Area::capacity,
     .needs = Facts::wal_directory | Facts::settings,
     .judge = wal_directory_big},
    {.id = "large-objects-orphaned",
     .title = "Large objects that nothing refers to",
     .why = "They are dumped, backed up and upgraded one by one, for nobody.",
     .how = "Remove them with vacuumlo once you know that nobody needs them.",
     .source = "PostgreSQL manual, vacuumlo",
     .severity = Severity::info,
     .area = Area::capacity,
     .needs = Facts::large_objects,
     .judge = large_objects_orphaned},
};

} // namespace

const std::span<const Rule> capacity_rules{kCapacityRules};

} // namespace pgkeep::audit
