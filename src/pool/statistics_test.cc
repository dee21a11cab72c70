#include "pool/statistics.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

TEST(PoolHistogram, BucketsHaveTheirBounds) {
  struct Sample {
    std::int64_t us;
    std::size_t bucket;
  };
  const Sample samples[] = {{-1, 0},
                            {0, 0},
                            {1, 0},
                            {32, 0},
                            {33, 1},
                            {64, 1},
                            {65, 2},
                            {1024, 5},
                            {1025, 6},
                            {1 << 30, 25},
                            {(1 << 30) + 1, 26},
                            {INT64_MAX, 26}};
  for (const Sample& sample : samples) {
    Histogram histogram;
    histogram.add(sample.us);
    EXPECT_EQ(histogram.count(sample.bucket), 1U) << sample.us;
    if (sample.bucket < Histogram::kBuckets && sample.us > 0) {
      EXPECT_LE(static_cast<std::uint64_t>(sample.us), Histogram::most_us(sample.bucket));
    }
  }
  Histogram one;
  Histogram other;
  one.add(5);
  other.add(7);
  one.add(other);
  EXPECT_EQ(one.count(0), 2U);
  EXPECT_EQ(one.sum_us(), 12U);
}

TEST(PoolAverages, AreOfThePeriodBeforeAndThisOne) {
  constexpr std::int64_t kSecond = 1'000'000;
  Averages averages(100 * kSecond);
  // In the first period: of what there is.
  EXPECT_EQ(averages.of("d", {.queries = 20}, 109 * kSecond).queries, 2U);
  averages.turn({{"d", {.queries = 100}}}, 110 * kSecond);
  averages.turn({{"d", {.queries = 200}}}, 120 * kSecond);
  const Traffic now{.server_assignments = 10, .queries = 300, .query_us = 6000, .wait_us = 50};
  const Traffic average = averages.of("d", now, 130 * kSecond);
  EXPECT_EQ(average.queries, 10U); // 200 in 20 seconds.
  EXPECT_EQ(average.query_us, 30U);
  EXPECT_EQ(average.wait_us, 5U);
  EXPECT_EQ(averages.of_all(now, 130 * kSecond).queries, 10U);
  EXPECT_EQ(averages.of("other", {.queries = 40}, 130 * kSecond).queries, 2U);
  EXPECT_EQ(averages.of("d", {.queries = 7}, 130 * kSecond).queries, 0U) << "it began anew";
}

} // namespace
} // namespace pgkeep::pool
