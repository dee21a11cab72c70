#include "findings/limits.h"

#include <charconv>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgkeep::findings {
namespace {

using base::Key;
using base::KeyType;

constexpr std::string_view kSection = "audit.limits";

/// Which member a key fills: exactly one of the three is set.
struct Row {
  Key key;
  base::Duration Limits::* duration = nullptr;
  std::int64_t Limits::* bytes = nullptr;
  std::int64_t Limits::* count = nullptr;
};

constexpr Row kRows[] = {
    {.key = {kSection, "counters-age", KeyType::duration, "7d",
             "Rates and cumulative counters younger than this prove nothing (ours: one week holds "
             "every weekly job)."},
     .duration = &Limits::counters_age},
    {.key = {kSection, "unused-index-age", KeyType::duration, "30d",
             "An index without a scan is called unused after this long (ours: one month holds "
             "every monthly job)."},
     .duration = &Limits::unused_index_age},
    {.key = {kSection, "unused-index-size", KeyType::bytes, "10MB",
             "A smaller unused index is not worth a word (ours; PgHero's is 1 MB)."},
     .bytes = &Limits::unused_index_bytes},
    {.key = {kSection, "long-query", KeyType::duration, "60s",
             "A query running longer is reported; as an error from 60 times that (PgHero: 60 s)."},
     .duration = &Limits::long_query},
    {.key = {kSection, "long-transaction", KeyType::duration, "5min",
             "A transaction open for longer is reported; as an error from 12 times that "
             "(check_postgres txn_time, postgres mixin)."},
     .duration = &Limits::long_transaction},
    {.key = {kSection, "idle-in-transaction", KeyType::duration, "5min",
             "A session idle in a transaction for longer is reported; as an error from 3 times "
             "that (pgMonitor: 300 s)."},
     .duration = &Limits::idle_in_transaction},
    {.key = {kSection, "blocked", KeyType::duration, "30s",
             "A session waiting longer for a lock is reported; as an error from 10 times that "
             "(ours)."},
     .duration = &Limits::blocked},
    {.key = {kSection, "prepared-transaction", KeyType::duration, "5min",
             "A prepared transaction older than this is reported (check_postgres prepared_txns)."},
     .duration = &Limits::prepared_transaction},
    {.key = {kSection, "xmin-horizon", KeyType::duration, "1h",
             "Whoever keeps vacuum from removing dead rows for longer is reported; as an error "
             "from 24 times that (ours)."},
     .duration = &Limits::xmin_horizon},
    {.key = {kSection, "slot-inactive", KeyType::duration, "1h",
             "A replication slot without a consumer for longer is reported (postgres mixin, "
             "pgMonitor)."},
     .duration = &Limits::slot_inactive},
    {.key = {kSection, "statistics-age", KeyType::duration, "1d",
             "Statistics of a much changed table that are older than this are stale "
             "(check_postgres last_analyze)."},
     .duration = &Limits::statistics_age},
    {.key = {kSection, "small-table-rows", KeyType::integer, "1000",
             "Foreign keys of tables with fewer rows are advice only (ours)."},
     .count = &Limits::small_table_rows},
    {.key =
         {kSection, "bloat-size", KeyType::bytes, "100MB",
          "Less wasted space than this is not worth a word (ours; PgHero's index bloat: 100 MB)."},
     .bytes = &Limits::bloat_bytes},
    {.key = {kSection, "dead-rows", KeyType::integer, "10000",
             "Fewer dead rows than this are normal work of vacuum (postgresai)."},
     .count = &Limits::dead_rows},
    {.key = {kSection, "big-table-rows", KeyType::integer, "10000000",
             "From this many rows on a table needs its own autovacuum settings (postgresai)."},
     .count = &Limits::big_table_rows},
    {.key = {kSection, "seq-scan-rows", KeyType::integer, "10000",
             "A sequential scan that reads fewer rows on average is no finding (PgHero: missing "
             "indexes from 10,000 rows)."},
     .count = &Limits::seq_scan_rows},
};

struct KeyTable {
  Key keys[std::size(kRows)];
  constexpr KeyTable() : keys() {
    for (std::size_t i = 0; i < std::size(kRows); ++i)
      keys[i] = kRows[i].key;
  }
};
constexpr KeyTable kKeys;

constexpr bool each_row_fills_one_member() {
  for (const Row& row : kRows) {
    const int members =
        int{row.duration != nullptr} + int{row.bytes != nullptr} + int{row.count != nullptr};
    if (members != 1) return false;
  }
  return true;
}
static_assert(each_row_fills_one_member());

std::int64_t parse_count(std::string_view text) {
  std::int64_t count = 0;
  // TOML allows 10_000_000.
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits.push_back(c);
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  PGKEEP_ASSERT(error == std::errc{} && end == digits.data() + digits.size());
  return count;
}

/// The text was checked against the key's type when the file was read, so a failure here is ours.
void fill(Limits& limits, const Row& row, std::string_view text) {
  if (row.duration != nullptr) {
    const auto duration = base::parse_duration(text);
    PGKEEP_ASSERT(duration.has_value());
    limits.*row.duration = *duration;
  } else if (row.bytes != nullptr) {
    const auto bytes = base::parse_bytes(text);
    PGKEEP_ASSERT(bytes.has_value());
    limits.*row.bytes = bytes->count;
  } else {
    limits.*row.count = parse_count(text);
  }
}

} // namespace

std::span<const base::Key> limit_keys() {
  return kKeys.keys;
}

Limits limits_from(const base::Config& config) {
  Limits limits;
  for (const Row& row : kRows) {
    const base::ConfigValue* const value = config.find(row.key.section, row.key.name);
    fill(limits, row, value == nullptr ? row.key.fallback : std::string_view(value->text));
  }
  return limits;
}

} // namespace pgkeep::findings
