// Replication slots: each keeps WAL for a reader that may never come back.

#include <algorithm>
#include <cmath>
#include <string>

#include "audit/families.h"
#include "audit/rules/disks.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

using catalog::Slot;

constexpr std::int64_t kRetainedWarning = base::kGiB; // PgHero, pgMonitor.
constexpr double kRetainedShareError = 0.25;
constexpr std::int64_t kSafeBytes = base::kGiB;
constexpr double kSafeShare = 0.2;  // Of max_slot_wal_keep_size where that is small.
constexpr double kKeepShare = 0.15; // Of the disk.
constexpr double kKeepShareMax = 0.20;
constexpr double kKeepFactor = 4; // Times max_wal_size where the disk is not known.

bool is_lost(const Slot& slot) {
  return slot.wal_status == "lost" || !slot.invalidation_reason.empty();
}

Json evidence_of(const Slot& slot) {
  return Json{{"slot", slot.name},
              {"type", slot.type},
              {"plugin", slot.plugin},
              {"database", slot.database},
              {"is_active", slot.is_active},
              {"retained_bytes", slot.retained_bytes},
              {"wal_status", slot.wal_status}};
}

Fix drop(const Slot& slot, std::string note) {
  return {.safety = Safety::manual,
          .phase = Phase::repair,
          .sql = {fmt::format("SELECT pg_drop_replication_slot({})",
                              postgres::quote_literal(slot.name))},
          .note = std::move(note)};
}

void slot_inactive(const Snapshot& db, const Limits& limits, Sink& out) {
  const catalog::Disk* const disk = wal_disk(db);
  for (const Slot& slot : db.slots) {
    if (slot.is_active || slot.is_temporary || is_lost(slot)) continue; // slot-lost says so.
    const double share =
        disk != nullptr && disk->total_bytes > 0
            ? static_cast<double>(slot.retained_bytes) / static_cast<double>(disk->total_bytes)
            : 0;
    const double idle = slot.inactive_since > 0 ? db.server.now - slot.inactive_since : -1;
    Severity severity = Severity::info;
    if (share > kRetainedShareError) {
      severity = Severity::error;
    } else if (slot.retained_bytes > kRetainedWarning || idle > seconds_of(limits.slot_inactive)) {
      severity = Severity::warning;
    } else if (idle >= 0 || slot.retained_bytes <= 0) {
      continue; // Idle for a moment, or never used: it holds nothing.
    }
    Json evidence = evidence_of(slot);
    evidence.set("share_of_disk", share);
    if (idle >= 0) evidence.set("inactive_s", static_cast<std::int64_t>(idle));
    const std::string since =
        idle >= 0 ? fmt::format("for {}", human_seconds(idle))
                  : std::string{"now (for how long, servers before 17 do not tell)"};
    out.add({.severity = severity,
             .object = "slot " + slot.name,
             .message = fmt::format("nobody reads from it {}, and it keeps {} of WAL", since,
                                    human_bytes(slot.retained_bytes)),
             .evidence = std::move(evidence),
             .fix = drop(slot, "A person must decide: start its reader again, or drop the slot "
                               "when nobody will come back. A replica or "
                               "subscriber whose slot is dropped must be built anew.")});
  }
}

void slot_unlimited(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const std::optional<double> keep = catalog::setting_number(db, "max_slot_wal_keep_size");
  if (!keep || *keep >= 0) return;
  std::int64_t most = 0;
  std::int64_t slots = 0;
  for (const Slot& slot : db.slots) {
    if (slot.is_temporary || is_lost(slot)) continue;
    ++slots;
    most = std::max(most, slot.retained_bytes);
  }
  if (slots == 0) return;
  const catalog::Disk* const disk = wal_disk(db);
  const double total = disk != nullptr ? static_cast<double>(disk->total_bytes) : 0;
  const double wal =
      catalog::setting_number(db, "max_wal_size").value_or(static_cast<double>(base::kGiB));
  const double wanted =
      std::max(total > 0 ? total * kKeepShare : wal * kKeepFactor, 2 * static_cast<double>(most));
  const double megabytes = std::max(1024.0, std::ceil(wanted / base::kMiB));
  Fix fix = alter_system(db, "max_slot_wal_keep_size", fmt::format("{:.0f}MB", megabytes));
  if (total > 0 && wanted > total * kKeepShareMax) {
    fix.safety = Safety::manual;
    fix.note = "A limit below what the slots keep now would invalidate one at the next checkpoint, "
               "and one above it would leave the disk "
               "unsafe: first bring its reader back or drop it, then set the limit to 10 to 20 % "
               "of the disk.";
  } else {
    fix.note = "A slot that falls behind by more is invalidated and its reader must be built anew; "
               "the server lives on.";
  }
  out.add({.object = "setting max_slot_wal_keep_size",
           .message = fmt::format("{} may keep WAL without limit; {} now at most",
                                  slots == 1 ? std::string{"one replication slot"}
                                             : fmt::format("{} replication slots", slots),
                                  human_bytes(most)),
           .evidence =
               Json{{"slots", slots},
                    {"retained_bytes_most", most},
                    {"max_slot_wal_keep_size", catalog::setting_text(db, "max_slot_wal_keep_size")},
                    {"disk_bytes", static_cast<std::int64_t>(total)}},
           .fix = std::move(fix)});
}

void slot_lost(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Slot& slot : db.slots) {
    if (!is_lost(slot)) continue;
    Json evidence = evidence_of(slot);
    evidence.set("invalidation_reason", slot.invalidation_reason);
    out.add({.object = "slot " + slot.name,
             .message =
                 slot.invalidation_reason.empty()
                     ? std::string{"the WAL that its reader still needs is gone"}
                     : fmt::format("the server has invalidated it: {}", slot.invalidation_reason),
             .evidence = std::move(evidence),
             .fix = drop(slot, "No statement brings the WAL back: drop the slot, and build the "
                               "replica or subscriber that read from it "
                               "anew.")});
  }
}

void slot_near_limit(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const double keep = catalog::setting_number(db, "max_slot_wal_keep_size").value_or(-1);
  const double safe_min = keep > 0 ? std::min(static_cast<double>(kSafeBytes), keep * kSafeShare)
                                   : static_cast<double>(kSafeBytes);
  for (const Slot& slot : db.slots) {
    if (is_lost(slot)) continue;
    const bool is_close =
        slot.has_safe_wal_size && static_cast<double>(slot.safe_wal_size) < safe_min;
    if (slot.wal_status != "unreserved" && !is_close) continue;
    Json evidence = evidence_of(slot);
    evidence.set("safe_wal_size", slot.safe_wal_size);
    const std::int64_t left = std::max<std::int64_t>(0, slot.safe_wal_size);
    out.add(
        {.object = "slot " + slot.name,
         .message = fmt::format(
             "{}; it keeps {}",
             left > 0 ? fmt::format("after {} more WAL the slot is invalidated", human_bytes(left))
                      : std::string{"the next checkpoint may invalidate the slot"},
             human_bytes(slot.retained_bytes)),
         .evidence = std::move(evidence),
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::repair,
                    .note = "The reader runs elsewhere and must catch up now: find out why it "
                            "is slow or stopped, or raise "
                            "max_slot_wal_keep_size while the disk has room."}});
  }
}

constexpr Rule kSlotRules[] = {
    {.id = "slot-inactive",
     .title = "Replication slot that nobody reads",
     .why = "It keeps all WAL since its reader left: the disk fills and the server stops. A "
            "logical one also stops vacuum of catalogs.",
     .how = "Bring the reader back, or drop the slot.",
     .source = "PgHero, pgMonitor, check_postgres; PostgreSQL manual, view-pg-replication-slots",
     .severity = Severity::warning,
     .area = Area::replication,
     .needs = Facts::slots,
     .judge = slot_inactive},
    {.id = "slot-unlimited",
     .title = "Replication slots may fill the disk",
     .why = "One replica that stays away stops the primary, as WAL is kept for it until the disk "
            "is full.",
     .how = "Set max_slot_wal_keep_size to 10 to 20 % of the disk.",
     .source = "PostgreSQL manual, runtime-config-replication: max_slot_wal_keep_size",
     .severity = Severity::warning,
     .area = Area::replication,
     .needs = Facts::slots | Facts::settings,
     .judge = slot_unlimited},
    {.id = "slot-lost",
     .title = "Replication slot is invalidated",
     .why = "Its replica or subscriber will never catch up again and serves old data from now on.",
     .how = "Drop the slot and build the reader anew.",
     .source = "PostgreSQL manual, view-pg-replication-slots; pgwatch",
     .severity = Severity::error,
     .area = Area::replication,
     .needs = Facts::slots,
     .judge = slot_lost},
    {.id = "slot-near-limit",
     .aliases = "slot-near",
     .title = "Replication slot is about to be invalidated",
     .why = "When the limit is reached its replica or subscriber must be built anew.",
     .how = "Make the reader catch up, or raise max_slot_wal_keep_size.",
     .source = "PostgreSQL manual, view-pg-replication-slots: wal_status, safe_wal_size",
     .severity = Severity::error,
     .area = Area::replication,
     .needs = Facts::slots | Facts::settings,
     .judge = slot_near_limit},
};

} // namespace

const std::span<const Rule> slot_rules{kSlotRules};

} // namespace pgkeep::audit
