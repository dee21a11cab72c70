#include "base/clock.h"

#include <gtest/gtest.h>

namespace pgkeep::base {
namespace {

using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

TEST(ClockTest, reads_times_of_every_documented_form) {
  const struct {
    const char* text;
    const char* iso;
    int micros;
  } kCases[] = {
      {"2026-11-21", "2026-11-21T00:00:00Z", 0},
      {"2026-11-21T13:20:25Z", "2026-11-21T13:20:25Z", 0},
      {"2026-11-21 13:20:25.123456+00", "2026-11-21T13:20:25Z", 123456},
      {"2026-11-21 13:20:25.5+00", "2026-11-21T13:20:25Z", 500000},
      {"2026-11-21 13:20:25.1234569+00", "2026-11-21T13:20:25Z", 123456},
      {"2026-11-21 13:20:25+05:30", "2026-11-21T07:50:25Z", 0},
      {"2026-11-21 13:20:25-0330", "2026-11-21T16:50:25Z", 0},
      {"2026-01-01 00:30:00+01", "2025-12-31T23:30:00Z", 0},
      {"1890-01-01 00:53:28+00:53:28", "1890-01-01T00:00:00Z", 0},
      {"1969-12-31 23:59:59.25+00", "1969-12-31T23:59:59Z", 250000},
      {"2024-02-29", "2024-02-29T00:00:00Z", 0},
      {"0001-01-01", "0001-01-01T00:00:00Z", 0},
      {" 2026-11-21 ", "2026-11-21T00:00:00Z", 0},
  };
  for (const auto& test : kCases) {
    const Result<Timestamp> at = parse_timestamp(test.text);
    ASSERT_TRUE(at.has_value()) << test.text;
    EXPECT_EQ(to_iso(*at), test.iso) << test.text;
    EXPECT_EQ((*at - std::chrono::floor<std::chrono::seconds>(*at)).count(), test.micros)
        << test.text;
  }
}

TEST(ClockTest, refuses_what_is_no_time) {
  for (const char* text : {"",
                           "now",
                           "2026",
                           "2026-11",
                           "2026-13-01",
                           "2026-02-29",
                           "2026-00-10",
                           "26-11-21",
                           "2026-11-21T",
                           "2026-11-21T13:20:25",
                           "2026-11-21 24:00:00+00",
                           "2026-11-21 13:60:00+00",
                           "2026-11-21 13:20:61+00",
                           "2026-11-21 13:20:25.+00",
                           "2026-11-21 13:20:25+",
                           "2026-11-21 13:20:25+0",
                           "2026-11-21 13:20:25+99",
                           "2026-11-21 13:20:25Z and more",
                           "infinity",
                           "-infinity",
                           "2026-11-21 13:20:25+00 BC",
                           "2026-11-2x"}) {
    const Result<Timestamp> at = parse_timestamp(text);
    ASSERT_FALSE(at.has_value()) << text;
    EXPECT_NE(at.error().expected.find("2026-11-21"), std::string::npos);
  }
}

TEST(ClockTest, iso_text_reads_back) {
  for (const int day : {-800'000, -1, 0, 1, 11'016, 20'778, 2'000'000}) {
    const Timestamp at = sys_days(std::chrono::days(day)) + std::chrono::seconds(86'399);
    const Result<Timestamp> again = parse_timestamp(to_iso(at));
    if (year_month_day(sys_days(std::chrono::days(day))).year() > std::chrono::year(9999)) continue;
    if (year_month_day(sys_days(std::chrono::days(day))).year() < std::chrono::year(0)) continue;
    ASSERT_TRUE(again.has_value()) << to_iso(at);
    EXPECT_EQ(*again, at);
  }
}

TEST(ClockTest, fixed_clock_stands_still_and_the_machine_does_not_go_back) {
  const Timestamp at = sys_days(std::chrono::days(20'000)) + microseconds(7);
  EXPECT_EQ(FixedClock(at).now(), at);
  EXPECT_GT(SystemClock().now(), Timestamp(sys_days(std::chrono::days(20'000))));
}

} // namespace
} // namespace pgkeep::base
