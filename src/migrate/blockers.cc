#include "migrate/blockers.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "postgres/sql_parser.h"

namespace pgkeep::migrate {
namespace {

using lint::LockMode;

constexpr std::string_view kBlockers = R"(
SELECT l.pid, a.usename, a.application_name, coalesce(a.state, ''),
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared)), 0),
       coalesce(a.query, ''), l.relation::regclass::text, l.mode, coalesce(x.gid, ''),
       coalesce(a.backend_type = 'autovacuum worker', false)
  FROM pg_locks l
  JOIN unnest($1::oid[], $2::text[]) wanted(relation, modes) ON l.relation = wanted.relation
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_prepared_xacts x ON l.pid IS NULL
       AND l.virtualtransaction = '-1/' || x.transaction::text
 WHERE l.locktype = 'relation' AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.pid IS DISTINCT FROM $3::integer AND l.pid IS DISTINCT FROM pg_backend_pid()
   AND l.mode = ANY (string_to_array(wanted.modes, ' '))
 ORDER BY 5 DESC LIMIT 20)";

/// The modes that conflict, by the names of pg_locks; the manual's table 13.2.
std::string_view conflicts_of(LockMode mode) {
  switch (mode) {
  case LockMode::none:
    return "";
  case LockMode::access_share:
    return "AccessExclusiveLock";
  case LockMode::row_share:
    return "ExclusiveLock AccessExclusiveLock";
  case LockMode::row_exclusive:
    return "ShareLock ShareRowExclusiveLock ExclusiveLock AccessExclusiveLock";
  case LockMode::share_update_exclusive:
    return "ShareUpdateExclusiveLock ShareLock ShareRowExclusiveLock ExclusiveLock "
           "AccessExclusiveLock";
  case LockMode::share:
    return "RowExclusiveLock ShareUpdateExclusiveLock ShareRowExclusiveLock ExclusiveLock "
           "AccessExclusiveLock";
  case LockMode::share_row_exclusive:
    return "RowExclusiveLock ShareUpdateExclusiveLock ShareLock ShareRowExclusiveLock "
           "ExclusiveLock AccessExclusiveLock";
  case LockMode::exclusive:
    return "RowShareLock RowExclusiveLock ShareUpdateExclusiveLock ShareLock "
           "ShareRowExclusiveLock ExclusiveLock AccessExclusiveLock";
  case LockMode::access_exclusive:
    return "AccessShareLock RowShareLock RowExclusiveLock ShareUpdateExclusiveLock ShareLock "
           "ShareRowExclusiveLock ExclusiveLock AccessExclusiveLock";
  }
  return "";
}

} // namespace

std::string Blocker::text() const {
  if (!prepared.empty())
    return fmt::format("prepared transaction \"{}\" of {:.0f} s holds {} on {}",
                       base::printable(prepared), transaction_s, mode, relation);
  const std::string words = base::ellipsize(base::printable(query), 60);
  return fmt::format("pid {} ({}{}{}), {} for {:.1f} s, holds {} on {}{}{}", pid, user,
                     application.empty() ? "" : ", ", base::printable(application),
                     is_autovacuum ? "autovacuum" : state, transaction_s, mode, relation,
                     words.empty() ? "" : ": ", words);
}

base::Result<std::vector<Blocker>> blockers_of(postgres::Connection& server,
                                               std::span<const Wanted> wanted, int own_pid) {
  std::vector<Blocker> found;
  std::vector<std::string> oids;
  std::vector<std::string> modes;
  for (const Wanted& each : wanted) {
    if (each.oid == 0 || conflicts_of(each.mode).empty()) continue;
    oids.push_back(fmt::format("{}", each.oid));
    modes.push_back(fmt::format("\"{}\"", conflicts_of(each.mode)));
  }
  if (oids.empty()) return found;
  const std::optional<std::string> parameters[] = {"{" + base::join(oids, ",") + "}",
                                                   "{" + base::join(modes, ",") + "}",
                                                   fmt::format("{}", own_pid)};
  PGKEEP_TRY(const postgres::Rows rows, server.query(std::string(kBlockers), parameters));
  for (int row = 0; row < rows.count(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    Blocker blocker{.user = text(1),
                    .application = text(2),
                    .state = text(3),
                    .query = postgres::normalize(text(5)),
                    .relation = text(6),
                    .mode = text(7),
                    .prepared = text(8),
                    .is_autovacuum = text(9) == "t"};
    const std::string pid = text(0);
    std::from_chars(pid.data(), pid.data() + pid.size(), blocker.pid);
    const std::string age = text(4);
    std::from_chars(age.data(), age.data() + age.size(), blocker.transaction_s);
    found.push_back(std::move(blocker));
  }
  return found;
}

} // namespace pgkeep::migrate
