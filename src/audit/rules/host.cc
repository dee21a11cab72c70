// The machine's kernel settings, where they are the database's business.

#include <cmath>
#include <string>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

constexpr std::int32_t kNoOvercommit = 2;
constexpr std::int32_t kSwappiness = 10;
constexpr double kSkewSeconds = 1;

/// The kernel's settings are the administrator's: no SQL reaches them.
Fix by_hand(std::string_view command, bool is_container) {
  return {.safety = Safety::manual,
          .phase = Phase::settings,
          .note =
              fmt::format("A setting of the kernel, which no SQL statement reaches: {}, as root{}, "
                          "and in a file of /etc so that it "
                          "survives a restart.",
                          command, is_container ? " of the machine around this container" : "")};
}

void os_overcommit(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.host) return;
  const catalog::Host& host = *db.outside.host;
  if (host.overcommit_memory < 0) {
    out.skip("vm.overcommit_memory could not be read");
    return;
  }
  if (host.overcommit_memory == kNoOvercommit) return;
  out.add({.object = "kernel vm.overcommit_memory",
           .message = fmt::format("vm.overcommit_memory is {}: when memory runs out the kernel "
                                  "kills a process, often the postmaster",
                                  host.overcommit_memory),
           .evidence = Json{{"overcommit_memory", host.overcommit_memory},
                            {"is_container", host.is_container}},
           .fix = by_hand(
               "sysctl -w vm.overcommit_memory=2 on a machine that PostgreSQL has for itself",
               host.is_container)});
}

void os_huge_pages(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.host) return;
  const catalog::Host& host = *db.outside.host;
  if (host.transparent_huge_pages.empty()) {
    out.skip("the setting of transparent huge pages could not be read");
    return;
  }
  if (host.transparent_huge_pages != "always") return;
  out.add(
      {.object = "kernel transparent_hugepage",
       .message =
           "transparent huge pages are 'always' on: the kernel stops backends to compact memory",
       .evidence = Json{{"transparent_huge_pages", host.transparent_huge_pages}},
       .fix = by_hand("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
                      host.is_container)});
}

void os_swappiness(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.host) return;
  const catalog::Host& host = *db.outside.host;
  if (host.swappiness < 0) {
    out.skip("vm.swappiness could not be read");
    return;
  }
  if (host.swappiness <= kSwappiness) return;
  out.add({.object = "kernel vm.swappiness",
           .message = fmt::format("vm.swappiness is {}: idle parts of shared_buffers may be "
                                  "swapped out in favour of file cache",
                                  host.swappiness),
           .evidence = Json{{"swappiness", host.swappiness}},
           .fix = by_hand("sysctl -w vm.swappiness=10", host.is_container)});
}

void os_clock(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const Fix fix{.safety = Safety::manual,
                .phase = Phase::settings,
                .note = "The clock is the machine's, which no SQL statement sets: install and "
                        "start chrony or systemd-timesyncd."};
  const bool knows_clocks = db.server.now > 0 && db.server.client_now > 0 && !db.server.is_local;
  const double skew = db.server.now - db.server.client_now;
  if (knows_clocks && std::abs(skew) > kSkewSeconds) {
    out.add(
        {.object = "clock",
         .message = fmt::format("the server's clock is {} {} ours", human_seconds(std::abs(skew)),
                                skew > 0 ? "ahead of" : "behind"),
         .evidence = Json{{"skew_s", skew}},
         .fix = fix});
    return;
  }
  if (!db.outside.host || db.outside.host->clock_synchronised < 0) {
    // A remote clock that agrees with ours is an answer; a local one is ours.
    if (!knows_clocks) out.skip("whether the clock is synchronised could not be read");
    return;
  }
  if (db.outside.host->clock_synchronised == 1) return;
  out.add({.object = "clock",
           .message = "the kernel says that nothing synchronises its clock",
           .evidence = Json{{"clock_synchronised", 0}},
           .fix = fix});
}

constexpr Rule kHostRules[] = {
    {.id = "os-overcommit",
     .title = "The kernel may kill the server when memory runs out",
     .why = "The out-of-memory killer takes down every session at once, and the server recovers "
            "from its WAL.",
     .how = "On a machine that PostgreSQL has for itself set vm.overcommit_memory to 2.",
     .source = "PostgreSQL manual, kernel-resources: Linux Memory Overcommit",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::host,
     .judge = os_overcommit},
    {.id = "os-transparent-huge-pages",
     .title = "Transparent huge pages are always on",
     .why = "Compacting memory stalls backends for moments that no query explains.",
     .how = "Set them to madvise or never; real huge pages are another setting.",
     .source = "PostgreSQL manual, runtime-config-resource: huge_pages (on transparent huge pages)",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::host,
     .judge = os_huge_pages},
    {.id = "os-swappiness",
     .title = "The kernel swaps early",
     .why = "Pages of shared memory that were swapped out turn a cache hit into a disk read.",
     .how = "Set vm.swappiness to 10 or lower.",
     .source = "postgresqltuner",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::host,
     .judge = os_swappiness},
    {.id = "os-clock",
     .title = "The server's clock is not synchronised",
     .why = "Timestamps, certificates, password expiry and point-in-time recovery go by a clock "
            "that is wrong.",
     .how = "Run a time service on the machine.",
     .source = "check_postgres (timesync)",
     .severity = Severity::info,
     .area = Area::configuration,
     .needs = Facts::server,
     .judge = os_clock},
};

} // namespace

const std::span<const Rule> host_rules{kHostRules};

} // namespace pgkeep::audit
