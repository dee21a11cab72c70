/// The thresholds that the rules judge by, each a key of pgkeep.toml under [audit.limits].
///
/// Defaults are a named tool's where it publishes one; the source stands in the row's help.
/// Thread-safety: a plain value.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "base/config.h"
#include "base/units.h"

namespace pgkeep::findings {

struct Limits {
  base::Duration
      counters_age{}; ///< Rates and "unused" mean nothing below this age of the counters (7 d).
  base::Duration unused_index_age{};     ///< 30 d.
  std::int64_t unused_index_bytes = 0;   ///< 10 MB.
  base::Duration long_query{};           ///< 60 s; error from 60 times that.
  base::Duration long_transaction{};     ///< 5 min; error from 12 times that.
  base::Duration idle_in_transaction{};  ///< 5 min; error from 3 times that.
  base::Duration blocked{};              ///< 30 s; error from 10 times that.
  base::Duration prepared_transaction{}; ///< 5 min.
  base::Duration xmin_horizon{};         ///< 1 h; error from 24 times that.
  base::Duration slot_inactive{};        ///< 1 h.
  base::Duration statistics_age{}; ///< 1 d: statistics older than this and much changed are stale.
  std::int64_t small_table_rows = 0; ///< 1000: foreign keys of smaller tables are info.
  std::int64_t bloat_bytes = 0;      ///< 100 MB: less waste is not worth a word.
  std::int64_t dead_rows = 0;        ///< 10,000.
  std::int64_t big_table_rows = 0;   ///< 10,000,000.
  std::int64_t seq_scan_rows = 0;    ///< 10,000 rows read per scan.
};

/// The table of keys, with defaults and sources.
std::span<const base::Key> limit_keys();
/// Defaults overlaid with what the file says.
Limits limits_from(const base::Config& config);

} // namespace pgkeep::findings
