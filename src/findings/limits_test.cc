#include "findings/limits.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pgkeep::findings {
namespace {

using namespace std::chrono_literals;

TEST(Limits, DefaultsAreThoseOfTheHeader) {
  const Limits limits = limits_from(base::Config());
  EXPECT_EQ(limits.counters_age, 168h);
  EXPECT_EQ(limits.unused_index_age, 720h);
  EXPECT_EQ(limits.unused_index_bytes, 10 * base::kMiB);
  EXPECT_EQ(limits.long_query, 60s);
  EXPECT_EQ(limits.long_transaction, 5min);
  EXPECT_EQ(limits.idle_in_transaction, 5min);
  EXPECT_EQ(limits.blocked, 30s);
  EXPECT_EQ(limits.prepared_transaction, 5min);
  EXPECT_EQ(limits.xmin_horizon, 1h);
  EXPECT_EQ(limits.slot_inactive, 1h);
  EXPECT_EQ(limits.statistics_age, 24h);
  EXPECT_EQ(limits.small_table_rows, 1000);
  EXPECT_EQ(limits.bloat_bytes, 100 * base::kMiB);
  EXPECT_EQ(limits.dead_rows, 10'000);
  EXPECT_EQ(limits.big_table_rows, 10'000'000);
  EXPECT_EQ(limits.seq_scan_rows, 10'000);
}

TEST(Limits, TheFileOverridesWhatItNames) {
  const auto config = base::parse_config(
      "[audit.limits]\ncounters-age = \"1s\"\nbloat-size = \"1MB\"\ndead-rows = 5\n", "pgkeep.toml",
      limit_keys(), {});
  ASSERT_TRUE(config.has_value()) << base::to_line(config.error());
  const Limits limits = limits_from(*config);
  EXPECT_EQ(limits.counters_age, 1s);
  EXPECT_EQ(limits.bloat_bytes, base::kMiB);
  EXPECT_EQ(limits.dead_rows, 5);
  EXPECT_EQ(limits.long_query, 60s);
}

TEST(Limits, EveryKeyIsNamedOnceAndExplained) {
  std::set<std::string_view> names;
  for (const base::Key& key : limit_keys()) {
    EXPECT_EQ(key.section, "audit.limits");
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_EQ(key.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos)
        << key.name;
  }
  EXPECT_EQ(names.size(), 16U);
}

} // namespace
} // namespace pgkeep::findings
