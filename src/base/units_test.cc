#include "base/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pgkeep::base {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(UnitsTest, reads_sizes) {
  const struct {
    const char* text;
    std::int64_t want;
  } kCases[] = {
      {"100B", 100},          {"8kB", 8 * kKiB},
      {"64MB", 64 * kMiB},    {"1GB", kGiB},
      {"2TB", 2048 * kGiB},   {"0B", 0},
      {" 64 MB ", 64 * kMiB}, {"1.5GB", kGiB + kGiB / 2},
      {"0.5kB", 512},         {"8388607TB", 8'388'607LL * 1024 * kGiB},
  };
  for (const auto& test : kCases) {
    const Result<Bytes> bytes = parse_bytes(test.text);
    ASSERT_TRUE(bytes.has_value()) << test.text;
    EXPECT_EQ(bytes->count, test.want) << test.text;
  }
}

TEST(UnitsTest, refuses_sizes_and_says_why) {
  const struct {
    const char* text;
    const char* what;
  } kCases[] = {
      {"", "not a size: \"\""},
      {"64", "a size needs a unit: \"64\""},
      {"0", "a size needs a unit: \"0\""},
      {"64mb", "unknown unit of a size: \"64mb\""},
      {"64KB", "unknown unit of a size: \"64KB\""},
      {"64MBx", "unknown unit of a size: \"64MBx\""},
      {"-1MB", "not a size: \"-1MB\""},
      {"+1MB", "not a size: \"+1MB\""},
      {"MB", "not a size: \"MB\""},
      {"1.MB", "not a size: \"1.MB\""},
      {"1.5", "not a size: \"1.5\""},
      {"1.1234567MB", "not a size: \"1.1234567MB\""},
      {"8388608TB", "size too large: \"8388608TB\""},
      {"99999999999999999999B", "size too large: \"99999999999999999999B\""},
      {"0x10MB", "unknown unit of a size: \"0x10MB\""},
      {"1\x1bMB", "unknown unit of a size: \"1\\x1bMB\""},
  };
  for (const auto& test : kCases) {
    const Result<Bytes> bytes = parse_bytes(test.text);
    ASSERT_FALSE(bytes.has_value()) << test.text;
    EXPECT_EQ(bytes.error().what, test.what);
    EXPECT_NE(bytes.error().expected.find("64MB"), std::string::npos);
  }
}

TEST(UnitsTest, reads_durations) {
  const struct {
    const char* text;
    std::int64_t micros;
  } kCases[] = {
      {"0", 0},
      {"7us", 7},
      {"200ms", 200'000},
      {"30s", 30'000'000},
      {"5min", 300'000'000},
      {"1h", 3'600'000'000},
      {"7d", 604'800'000'000},
      {"1.5h", 5'400'000'000},
      {"2 s", 2'000'000},
      {"0.000001s", 1},
  };
  for (const auto& test : kCases) {
    const Result<Duration> duration = parse_duration(test.text);
    ASSERT_TRUE(duration.has_value()) << test.text;
    EXPECT_EQ(duration->count(), test.micros) << test.text;
  }
}

TEST(UnitsTest, refuses_durations) {
  for (const char* text :
       {"", "30", "30 sec", "1m", "1M", "-5s", "s", "1h30min", "1.s", "200000000d", "5 s s"}) {
    const Result<Duration> duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_EQ(duration.error().code, Code::usage);
    EXPECT_NE(duration.error().expected.find("2s"), std::string::npos);
  }
}

TEST(UnitsTest, prints_sizes) {
  const struct {
    std::int64_t bytes;
    const char* want;
  } kCases[] = {
      {0, "0 bytes"},           {1, "1 byte"},
      {12, "12 bytes"},         {1023, "1023 bytes"},
      {1024, "1 kB"},           {1536, "1.5 kB"},
      {640 * kKiB, "640 kB"},   {1024 * kKiB - 1, "1 MB"},
      {1023 * kKiB, "1023 kB"}, {kGiB + kGiB / 5, "1.2 GB"},
      {102'400, "100 kB"},      {102'300, "99.9 kB"},
      {102'399, "100 kB"},      {2048 * kGiB, "2 TB"},
      {-2048, "-2 kB"},         {kMost, "8 EB"},
      {kLeast, "-8 EB"},
  };
  for (const auto& test : kCases)
    EXPECT_EQ(human_bytes(test.bytes), test.want) << test.bytes;
}

TEST(UnitsTest, prints_durations) {
  const struct {
    std::int64_t micros;
    const char* want;
  } kCases[] = {
      {0, "0 s"},
      {1, "1 us"},
      {999, "999 us"},
      {200'000, "200 ms"},
      {1'500'000, "1500 ms"},
      {1'000'000, "1 s"},
      {30'900'000, "30 s"},
      {60'000'000, "1 min"},
      {90'000'000, "90 s"},
      {150'000'000, "2 min"},
      {3'600'000'000, "1 h"},
      {18'000'000'000, "5 h"},
      {129'600'000'000, "36 h"},
      {86'400'000'000, "1 d"},
      {260'000'000'000, "3 d"},
      {-30'000'000, "-30 s"},
      {kLeast, "-106751991 d"},
  };
  for (const auto& test : kCases)
    EXPECT_EQ(human_duration(Duration(test.micros)), test.want) << test.micros;
}

TEST(UnitsTest, prints_counts_and_shares) {
  const struct {
    std::int64_t count;
    const char* want;
  } kCases[] = {{0, "0"},
                {999, "999"},
                {1000, "1,000"},
                {1'234'567, "1,234,567"},
                {-1000, "-1,000"},
                {-999, "-999"},
                {kLeast, "-9,223,372,036,854,775,808"}};
  for (const auto& test : kCases)
    EXPECT_EQ(human_count(test.count), test.want);
  EXPECT_EQ(human_percent(0.123), "12.3 %");
  EXPECT_EQ(human_percent(1), "100.0 %");
  EXPECT_EQ(human_percent(std::nan("")), "unknown");
}

} // namespace
} // namespace pgkeep::base
