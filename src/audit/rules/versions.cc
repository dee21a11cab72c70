// The server's version against the dated table of releases.
#include <algorithm>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"
#include "audit/version_table.h"
#include "postgres/types.h"

namespace pgkeep::audit {
namespace {

constexpr double kDay = 86'400;
constexpr double kSoonDays = 180; ///< A major upgrade takes a team about half a year to plan.

const MajorVersion* find_major(int major) {
  const auto* const found = std::ranges::find(kMajorVersions, major, &MajorVersion::major);
  return found == kMajorVersions.end() ? nullptr : found;
}

double unix_seconds(std::string_view date) {
  const base::Result<base::Timestamp> at = base::parse_timestamp(date);
  PGKEEP_ASSERT(at.has_value()); // The dates are ours.
  return std::chrono::duration<double>(at->time_since_epoch()).count();
}

Fix upgrade(std::string note) {
  return Fix{.safety = Safety::manual, .phase = Phase::settings, .note = std::move(note)};
}

void version_eol(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const postgres::ServerVersion version{db.server.version};
  const MajorVersion* const row = find_major(version.major());
  if (row == nullptr) {
    out.skip(fmt::format("the table of releases of {} does not know PostgreSQL {}",
                         kVersionTableDate, version.major()));
    return;
  }
  const double left_days = (unix_seconds(row->end_of_life) - db.outside.clock.value_or(0)) / kDay;
  if (left_days > kSoonDays) return;
  const bool is_over = left_days <= 0;
  out.add(
      {.severity = is_over ? Severity::error : Severity::info,
       .object = fmt::format("PostgreSQL {}", version.major()),
       .message = fmt::format("PostgreSQL {} {} on {} (table of releases of {})", version.major(),
                              is_over ? "went out of support" : "goes out of support",
                              row->end_of_life, kVersionTableDate),
       .evidence = Json{{"server_version", db.server.version_text},
                        {"end_of_life", row->end_of_life},
                        {"days_left", static_cast<std::int64_t>(left_days)},
                        {"table_date", kVersionTableDate}},
       .fix = upgrade("A major upgrade is no statement: rehearse pg_upgrade --link (or logical "
                      "replication) on a "
                      "restored backup, then do it.")});
}

void version_minor(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const postgres::ServerVersion version{db.server.version};
  const MajorVersion* const row = find_major(version.major());
  if (row == nullptr || row->newest_minor < 0) {
    out.skip(fmt::format("the table of releases of {} has no minor releases of PostgreSQL {}",
                         kVersionTableDate, version.major()));
    return;
  }
  if (version.minor() >= row->newest_minor) return;
  Json mended(Json::Array{});
  std::string_view newest;
  std::int64_t count = 0;
  for (const MendedBy& each : kMendedBy) {
    if (each.major != version.major() || each.minor <= version.minor()) continue;
    if (newest.empty()) newest = each.what;
    ++count;
    mended.push(fmt::format("{}.{}: {}", each.major, each.minor, each.what));
  }
  const std::string known = fmt::format("{}.{}", row->major, row->newest_minor);
  out.add({.severity = count > 0 ? Severity::error : Severity::warning,
           .object = fmt::format("PostgreSQL {}", version.major()),
           .message = count > 0 ? fmt::format("{} lacks {} known security and corruption fixes up "
                                              "to {}, such as {} (table of "
                                              "releases of {})",
                                              postgres::to_text(version), count, known, newest,
                                              kVersionTableDate)
                                : fmt::format("{} is older than {} (table of releases of {})",
                                              postgres::to_text(version), known, kVersionTableDate),
           .evidence = Json{{"server_version", db.server.version_text},
                            {"newest_known", known},
                            {"mends", std::move(mended)},
                            {"table_date", kVersionTableDate}},
           .fix = upgrade(
               "New binaries are installed on the machine, which no statement can do: install the "
               "package, restart the server; the data folder stays as it is.")});
}

constexpr Rule kVersionRules[] = {
    {.id = "version-eol",
     .title = "The PostgreSQL version is out of support",
     .why = "Security holes and corruption found from now on are never mended in it.",
     .how = "Upgrade to a supported major version; rehearse it on a restored backup.",
     .source = "PostgreSQL Versioning Policy",
     .severity = Severity::error,
     .area = Area::configuration,
     .needs = Facts::server | Facts::clock,
     .judge = version_eol},
    {.id = "version-minor",
     .title = "The minor release is not the newest known",
     .why = "Known security holes and corruption stay open though the fix is a package and a "
            "restart away.",
     .how = "Install the newest minor release and restart; no dump is needed.",
     .source = "PostgreSQL Versioning Policy; release announcements",
     .severity = Severity::warning,
     .area = Area::configuration,
     .needs = Facts::server,
     .judge = version_minor},
};

} // namespace

const std::span<const Rule> version_rules{kVersionRules};

} // namespace pgkeep::audit
