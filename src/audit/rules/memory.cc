// Memory settings against the machine: what the server may take, and what it leaves unused.
#include <algorithm>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

// Thresholds: postgresqltuner and the manual's runtime-config-resource; see each rule's source.
constexpr double kSharedLow = 0.15;
constexpr double kSharedHigh = 0.40;
constexpr double kSharedEnough =
    8.0 * base::kGiB; ///< More than this pays only where it was measured.
constexpr double kSharedDefault = 128.0 * base::kMiB;
constexpr double kSmallMachine = 2.0 * base::kGiB;
constexpr double kCacheLow = 0.5;
constexpr double kMemoryWarning = 0.8;
constexpr double kTempBytesPerHour = 1.0 * base::kGiB;
constexpr double kBigDatabase = 10.0 * base::kGiB;
constexpr double kMaintenanceDefault = 64.0 * base::kMiB;

double ram_of(const Snapshot& db) {
  return db.outside.host ? static_cast<double>(db.outside.host->ram_bytes) : 0;
}

std::string megabytes(double bytes) {
  return fmt::format("{}MB",
                     std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes) / base::kMiB));
}

std::string human(double bytes) {
  return human_bytes(static_cast<std::int64_t>(bytes));
}

/// False after telling the sink: inside a container without a limit, or where /proc is hidden, RAM
/// reads as 0.
bool knows_ram(const Snapshot& db, Sink& out) {
  if (ram_of(db) > 0) return true;
  out.skip("the RAM of the server's machine is not known");
  return false;
}

double shared_target(double ram) {
  return ram < kSmallMachine ? ram / 5 : std::min(ram / 4, kSharedEnough);
}

void shared_buffers_range(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "shared_buffers", out) == nullptr || !knows_ram(db, out)) return;
  const double ram = ram_of(db);
  const double shared = catalog::setting_number(db, "shared_buffers").value_or(0);
  const bool is_default = shared <= kSharedDefault && ram >= kSmallMachine;
  const bool is_low = shared < std::min(ram * kSharedLow, kSharedEnough);
  const bool is_high = shared > ram * kSharedHigh;
  if (!is_default && !is_low && !is_high) return;
  Finding finding = setting_finding(
      db, "shared_buffers",
      fmt::format(
          "shared_buffers is {}, {} of {} RAM: {}", human(shared), human_percent(shared / ram),
          human(ram),
          is_high
              ? "too little is left for sessions and the kernel's cache"
              : "most reads go through the kernel, and the same pages are evicted again and again"),
      set_server(db, "shared_buffers", megabytes(shared_target(ram))));
  finding.evidence.set("shared_buffers_bytes", whole(shared));
  finding.evidence.set("ram_bytes", whole(ram));
  out.add(std::move(finding));
}

void effective_cache_size_low(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "effective_cache_size", out) == nullptr || !knows_ram(db, out)) return;
  const double ram = ram_of(db);
  const double cache = catalog::setting_number(db, "effective_cache_size").value_or(0);
  const double shared = catalog::setting_number(db, "shared_buffers").value_or(0);
  if (cache >= shared && cache >= ram * kCacheLow) return;
  Finding finding = setting_finding(db, "effective_cache_size",
                                    fmt::format("effective_cache_size is {} of {} RAM: the planner "
                                                "takes index scans for dearer than they are",
                                                human(cache), human(ram)),
                                    set_server(db, "effective_cache_size", megabytes(ram * 3 / 4)));
  finding.evidence.set("ram_bytes", whole(ram));
  finding.evidence.set("shared_buffers_bytes", whole(shared));
  out.add(std::move(finding));
}

/// What the server can come to use when every connection works at once.
struct MemoryPlan {
  double shared = 0;
  double work_mem = 0;
  double multiplier = 1;
  double connections = 0;
  double maintenance = 0;
  double workers = 0;
  [[nodiscard]] double total() const {
    return shared + connections * work_mem * multiplier + workers * maintenance;
  }
};

MemoryPlan memory_plan(const Snapshot& db) {
  const auto number = [&](std::string_view name) {
    return catalog::setting_number(db, name).value_or(0);
  };
  const double autovacuum = number("autovacuum_work_mem");
  return {.shared = number("shared_buffers"),
          .work_mem = number("work_mem"),
          .multiplier = std::max(1.0, number("hash_mem_multiplier")),
          .connections = number("max_connections"),
          .maintenance = autovacuum > 0 ? autovacuum : number("maintenance_work_mem"),
          .workers = number("autovacuum_max_workers")};
}

void memory_overcommit(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "work_mem", out) == nullptr || !knows_ram(db, out)) return;
  const double ram = ram_of(db);
  const MemoryPlan plan = memory_plan(db);
  const double share = plan.total() / ram;
  if (share <= kMemoryWarning) return;
  const double left = ram * kMemoryWarning - plan.shared - plan.workers * plan.maintenance;
  const double fitting = left / std::max(1.0, plan.connections * plan.multiplier);
  Fix fix;
  if (fitting >= static_cast<double>(base::kMiB)) {
    fix = set_server(db, "work_mem", megabytes(fitting));
    fix.note = "Raise it again per role for reports that need it; a pooler that needs fewer "
               "connections is the better way.";
  } else {
    fix = Fix{.safety = Safety::manual,
              .phase = Phase::settings,
              .note = "No work_mem is small enough for this many connections: put a pooler in "
                      "front and lower "
                      "max_connections, or shrink shared_buffers; both need a restart."};
  }
  Finding finding = setting_finding(
      db, "work_mem",
      fmt::format("{} connections with {} each (times {}), {} shared and {} vacuum workers come to "
                  "{}, {} of {} RAM",
                  plan.connections, human(plan.work_mem), plan.multiplier, human(plan.shared),
                  plan.workers, human(plan.total()), human_percent(share), human(ram)),
      std::move(fix));
  finding.severity = share > 1 ? Severity::error : Severity::warning;
  finding.evidence.set("total_bytes", whole(plan.total()));
  finding.evidence.set("ram_bytes", whole(ram));
  finding.evidence.set("shared_bytes", whole(plan.shared));
  finding.evidence.set("connections_max", whole(plan.connections));
  finding.evidence.set("hash_mem_multiplier", plan.multiplier);
  finding.evidence.set("maintenance_bytes", whole(plan.maintenance));
  finding.evidence.set("autovacuum_workers", whole(plan.workers));
  out.add(std::move(finding));
}

void work_mem_small(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Database* const database = db.current_database();
  if (database == nullptr || look_at(db, "work_mem", out) == nullptr || !knows_ram(db, out)) return;
  const double hours = db.counters_age_s() / 3600;
  if (hours <= 0) return;
  const double per_hour = static_cast<double>(database->temp_bytes) / hours;
  MemoryPlan plan = memory_plan(db);
  const double old_work_mem = plan.work_mem;
  plan.work_mem *= 2;
  const bool has_room = plan.total() <= ram_of(db) * kMemoryWarning;
  if (per_hour <= kTempBytesPerHour || !has_room) return;
  Finding finding = setting_finding(db, "work_mem",
                                    fmt::format("{} of temporary files an hour were written by "
                                                "sorts and hashes that found no room in {}, and "
                                                "RAM allows twice as much",
                                                human(per_hour), human(old_work_mem)),
                                    set_server(db, "work_mem", megabytes(old_work_mem * 2)));
  finding.evidence.set("temp_bytes", database->temp_bytes);
  finding.evidence.set("temp_files", database->temp_files);
  finding.evidence.set("counters_age_h", hours);
  out.add(std::move(finding));
}

void maintenance_work_mem_default(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Database* const database = db.current_database();
  if (look_at(db, "maintenance_work_mem", out) == nullptr || database == nullptr) return;
  const double size = static_cast<double>(database->size_bytes);
  const double now = catalog::setting_number(db, "maintenance_work_mem").value_or(0);
  if (now > kMaintenanceDefault || size <= kBigDatabase) return;
  const double ram = ram_of(db);
  const double target = ram > 0 ? std::clamp(ram / 20, 2 * kMaintenanceDefault, 2.0 * base::kGiB)
                                : 256.0 * base::kMiB;
  Finding finding = setting_finding(db, "maintenance_work_mem",
                                    fmt::format("maintenance_work_mem is {} for a database of {}: "
                                                "index builds and vacuums take several passes",
                                                human(now), human(size)),
                                    set_server(db, "maintenance_work_mem", megabytes(target)));
  finding.evidence.set("database_bytes", database->size_bytes);
  out.add(std::move(finding));
}

void huge_pages_missing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "huge_pages", out) == nullptr) return;
  const double shared = catalog::setting_number(db, "shared_buffers").value_or(0);
  if (shared < kSharedEnough) return;
  const std::string status = catalog::setting_text(db, "huge_pages_status"); // 17+
  const catalog::Host* const host = db.outside.host ? &*db.outside.host : nullptr;
  if (status.empty() && host == nullptr) {
    out.skip(db.why_absent(Facts::host));
    return;
  }
  const bool in_use = status.empty() || status == "unknown"
                          ? host != nullptr && host->huge_pages_total > host->huge_pages_free
                          : status == "on";
  if (in_use) return;
  const std::string pages = catalog::setting_text(db, "shared_memory_size_in_huge_pages"); // 15+
  const std::string wanted =
      pages.empty() || pages == "-1"
          ? fmt::format("{}", static_cast<std::int64_t>(shared * 1.1 / (2.0 * base::kMiB)))
          : pages;
  Finding finding = setting_finding(
      db, "huge_pages",
      fmt::format("shared_buffers is {} and no huge page is in use: each connection keeps page "
                  "tables for it of its own",
                  human(shared)),
      Fix{.safety = Safety::manual,
          .phase = Phase::settings,
          .note = fmt::format(
              "The kernel reserves huge pages, no statement does: set vm.nr_hugepages = {} in "
              "/etc/sysctl.d and restart the server.",
              wanted)});
  finding.evidence.set("shared_buffers_bytes", whole(shared));
  finding.evidence.set("huge_pages_wanted", wanted);
  if (host != nullptr) finding.evidence.set("huge_pages_reserved", host->huge_pages_total);
  out.add(std::move(finding));
}

constexpr Rule kMemoryRules[] = {
    {.id = "shared-buffers-range",
     .title = "shared_buffers does not fit the machine",
     .why = "Too small, and hot pages are fetched from the kernel again and again; too large, and "
            "sessions and the "
            "kernel's cache starve.",
     .how = "25 % of RAM (20 % below 2 GB), 8 GB from 32 GB of RAM on unless you measured that "
            "more helps.",
     .source = "PostgreSQL manual, runtime-config-resource: shared_buffers; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings | Facts::host,
     .judge = shared_buffers_range},
    {.id = "effective-cache-size-low",
     .title = "effective_cache_size is smaller than what is cached",
     .why = "The planner believes that index pages must come from disk and reads whole tables "
            "instead.",
     .how = "75 % of RAM on a machine that serves only the database; it reserves nothing.",
     .source = "PostgreSQL manual, runtime-config-query: effective_cache_size; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings | Facts::host,
     .judge = effective_cache_size_low},
    {.id = "memory-overcommit",
     .title = "The settings allow more memory than the machine has",
     .why = "On a busy day the kernel kills the server in the middle of its work, and all sessions "
            "with it.",
     .how = "Fewer connections behind a pooler, or a smaller work_mem.",
     .source = "PostgreSQL manual, runtime-config-resource: work_mem, hash_mem_multiplier; "
               "postgresqltuner",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::settings | Facts::host,
     .judge = memory_overcommit},
    {.id = "work-mem-small",
     .title = "Sorts and hashes spill to disk while memory is free",
     .why = "Reports take longer than they need and wear the disk.",
     .how = "Raise work_mem, best per role that runs them.",
     .source = "PostgreSQL manual, runtime-config-resource: work_mem",
     .severity = Severity::info,
     .area = Area::configuration,
     .counts_rates = true,
     .needs = Facts::settings | Facts::databases | Facts::host,
     .judge = work_mem_small},
    {.id = "maintenance-work-mem-default",
     .title = "maintenance_work_mem is the default on a large database",
     .why = "Building an index or vacuuming takes several passes over the disk, and restores take "
            "hours longer.",
     .how = "5 % of RAM, at most 2 GB.",
     .source = "PostgreSQL manual, runtime-config-resource: maintenance_work_mem; postgresqltuner",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings | Facts::databases,
     .judge = maintenance_work_mem_default},
    {.id = "huge-pages-missing",
     .title = "A large shared_buffers without huge pages",
     .why = "Every connection keeps page tables for the whole of shared_buffers: gigabytes of RAM "
            "and slower access.",
     .how = "Reserve shared_memory_size_in_huge_pages pages in the kernel and restart.",
     .source = "PostgreSQL manual, kernel-resources: Linux Huge Pages",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::settings,
     .judge = huge_pages_missing},
};

} // namespace

const std::span<const Rule> memory_rules{kMemoryRules};

} // namespace pgkeep::audit
