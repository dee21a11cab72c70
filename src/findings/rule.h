/// A rule is a row of data and one pure function; everything printed about it comes from the row.
///
/// The registry is shared by audit, lint, explain and traffic: one id a fact. This folder knows
/// nothing of catalogs: the types a judge reads are only declared here. Thread-safety: rows are
/// constants; a Sink belongs to one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "findings/finding.h"
#include "findings/limits.h"

namespace pgkeep::catalog {
struct Snapshot;
enum class Facts : std::uint64_t;
} // namespace pgkeep::catalog

namespace pgkeep::findings {

class Sink;

/// The going-live checklist's groups, in the order of the report.
enum class Area : std::uint8_t {
  schema, ///< Schema and keys.
  types,
  indexes,
  queries,      ///< pg_stat_statements and access paths.
  transactions, ///< Transactions and locks.
  vacuum,       ///< Vacuum, wraparound, bloat, statistics.
  configuration,
  connections,
  replication,
  backups,        ///< WAL and backups.
  roles,          ///< Roles and privileges.
  authentication, ///< Authentication and TLS.
  extensions,
  capacity,
};
inline constexpr int kAreaCount = 14;
std::string_view title_of(Area area) noexcept; ///< "Schema and keys".
std::string_view name_of(Area area) noexcept;  ///< "schema": for --only and JSON.

struct Rule {
  std::string_view id;           ///< Kebab-case, for ever.
  std::string_view aliases = {}; ///< Former or other ids, space separated.
  std::string_view title;  ///< No full stop: "Foreign key without an index on its own columns".
  std::string_view why;    ///< What happens to whom when nobody mends it.
  std::string_view how;    ///< How to fix, in one or two sentences.
  std::string_view source; ///< "PostgreSQL manual, ddl-constraints: Foreign Keys".
  Severity severity = Severity::warning;
  Area area = Area::schema;
  bool counts_rates = false; ///< Reads cumulative counters: skipped while they are younger than
                             ///< Limits::counters_age.
  catalog::Facts
      needs{}; ///< Sections of the Snapshot; one that is absent -> skipped with its reason.
  int version_min =
      0; ///< Major version from which the fact exists; older -> skipped with the reason.
  void (*judge)(const catalog::Snapshot& db, const Limits& limits, Sink& out) = nullptr;
};

/// Collects what one rule says.
class Sink {
public:
  explicit Sink(const Rule& rule) : rule_(&rule) {}
  void add(Finding finding);
  /// The rule could not look (only part of the facts was there): it does not count as passed.
  void skip(std::string reason);
  [[nodiscard]] const Rule& rule() const { return *rule_; }
  [[nodiscard]] std::vector<Finding>& found() { return found_; }
  [[nodiscard]] const std::vector<std::string>& skipped() const { return skipped_; }

private:
  const Rule* rule_;
  std::vector<Finding> found_;
  std::vector<std::string> skipped_;
};

/// Looks a rule up by id or alias; null where there is none.
const Rule* find_rule(std::span<const Rule* const> rules, std::string_view id);

} // namespace pgkeep::findings
