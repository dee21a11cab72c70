// Which partitions a file asks for: no server.
#include "migrate/shadow_partitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

using testing::HasSubstr;

/// "name bounds", a line each; the error where there is one.
std::string partitions(const std::string& text) {
  const Source source = read_source("V001__x.sql", text, false);
  const auto steps = steps_of(source, nullptr, 15);
  if (!steps) return to_line(steps.error());
  EXPECT_EQ(steps->front().kind, StepKind::shadow) << text;
  const auto found = shadow_partitioning(steps->front());
  if (!found) return to_line(found.error());
  std::string lines;
  for (const ShadowPartition& each : found->partitions)
    lines += fmt::format("{}{}{} {}{}\n", each.schema, each.schema.empty() ? "" : ".", each.name,
                         each.bounds, each.has_options ? " (options)" : "");
  return lines;
}

std::string events(const std::string& arguments, const std::string& by = "RANGE (at)",
                   const std::string& rest = "") {
  return fmt::format("-- pgkeep:shadow {}\nCREATE TABLE events (LIKE events INCLUDING ALL) "
                     "PARTITION BY {};\n{}",
                     arguments, by, rest);
}

TEST(ShadowPartitions, AreCountedByTheCalendar) {
  EXPECT_EQ(partitions(events("every=month from=2023-12-01 to=2024-02-01")),
            "events_p2023_12 FOR VALUES FROM ('2023-12-01') TO ('2024-01-01')\n"
            "events_p2024_01 FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')\n"
            "events_default DEFAULT\n");
  EXPECT_EQ(partitions(events("every=\"1 quarter\" from=2024-10-01 to=2025-01-02 default=no")),
            "events_p2024_q4 FOR VALUES FROM ('2024-10-01') TO ('2025-01-01')\n"
            "events_p2025_q1 FOR VALUES FROM ('2025-01-01') TO ('2025-04-01')\n");
  EXPECT_EQ(partitions(events("every=week from=2024-02-26 to=2024-03-11 default=no")),
            "events_p2024_02_26 FOR VALUES FROM ('2024-02-26') TO ('2024-03-04')\n"
            "events_p2024_03_04 FOR VALUES FROM ('2024-03-04') TO ('2024-03-11')\n");
  EXPECT_EQ(partitions(events("every=day from=2024-02-28 to=2024-03-01 default=no")),
            "events_p2024_02_28 FOR VALUES FROM ('2024-02-28') TO ('2024-02-29')\n"
            "events_p2024_02_29 FOR VALUES FROM ('2024-02-29') TO ('2024-03-01')\n");
  EXPECT_EQ(partitions(events("every=year from=2024-01-01 to=2025-01-01 default=no")),
            "events_p2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')\n");
  EXPECT_EQ(partitions(events("every=100 from=0 to=150 default=no")),
            "events_p0 FOR VALUES FROM (0) TO (100)\nevents_p100 FOR VALUES FROM (100) TO (200)\n");
  EXPECT_EQ(partitions(events("parts=2", "HASH (id)")),
            "events_p0 FOR VALUES WITH (MODULUS 2, REMAINDER 0)\n"
            "events_p1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)\n");
}

TEST(ShadowPartitions, AreThoseBelowTheStatement) {
  EXPECT_EQ(partitions(events("", "LIST (kind)",
                              "-- The first.\nCREATE TABLE archive.a PARTITION OF events FOR "
                              "VALUES IN ('a') WITH (fillfactor = 90);\nCREATE TABLE \"B c\" "
                              "PARTITION OF events DEFAULT;\n")),
            "archive.a FOR VALUES IN ('a') WITH (fillfactor = 90) (options)\nB c DEFAULT\n");
  // What follows is a step of its own, and so is a partition of another table.
  const Source source =
      read_source("V001__x.sql",
                  events("", "LIST (kind)",
                         "CREATE TABLE a PARTITION OF events DEFAULT;\nCREATE TABLE b PARTITION OF "
                         "others DEFAULT;\nCREATE TABLE c PARTITION OF events DEFAULT;"),
                  false);
  const auto steps = steps_of(source, nullptr, 15);
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_EQ(steps->at(0).statements.size(), 2U);
  EXPECT_EQ(steps->at(1).kind, StepKind::transaction);
}

TEST(ShadowPartitions, AreRefusedWhereTheyAreNotClear) {
  struct Case {
    std::string text;
    const char* words;
  };
  const std::string name(60, 'x');
  const Case cases[] = {
      {events(""), "there is no partition"},
      {events("every=month"), "all of every=, from= and to="},
      {events("every=fortnight from=2024-01-01 to=2025-01-01"), "every=fortnight cannot be used"},
      {events("every=month from=2024-01-15 to=2025-01-01"), "the first day of a month"},
      {events("every=quarter from=2024-02-01 to=2025-01-01"), "the first day of a quarter"},
      {events("every=month from=2024-02-30 to=2025-01-01"), "a date such as"},
      {events("every=month from=2024-02-01 to=2024-02-01"), "a date behind that of from="},
      {events("every=day from=1900-01-01 to=2025-01-01"), "too many partitions"},
      {events("every=10 from=5 to=5"), "greater than that of from="},
      {events("every=month from=2024-01-01 to=2024-02-01", "LIST (at)"), "PARTITION BY RANGE"},
      {events("parts=0", "HASH (id)"), "parts=0 cannot be used"},
      {events("parts=4 default=yes", "HASH (id)"), "HASH partitions take every row"},
      {events("default=maybe"), "default=yes or default=no"},
      {events("default=yes", "RANGE (date(at))"), "an expression cannot decide"},
      {events("default=yes", "RANGE (at)",
              "CREATE TABLE events_default PARTITION OF events FOR "
              "VALUES FROM (1) TO (2);"),
       "two partitions are named events_default"},
      {events("", "RANGE (at)",
              "CREATE TABLE a PARTITION OF events (at NOT NULL) FOR VALUES FROM (1) TO (2);"),
       "V001__x.sql:3:1: a partition of a shadow table is made with more"},
      {"-- pgkeep:shadow default=yes\nCREATE TABLE events (LIKE events) PARTITION BY RANGE (at);",
       "CREATE TABLE t (LIKE t INCLUDING ALL)"},
      {"-- pgkeep:shadow default=yes\nCREATE TABLE events (LIKE other INCLUDING ALL) PARTITION BY "
       "RANGE (at);",
       "both times the same table"},
      {fmt::format("-- pgkeep:shadow default=yes\nCREATE TABLE {0} (LIKE {0} INCLUDING ALL) "
                   "PARTITION BY RANGE (at);",
                   name),
       "is too long"},
  };
  for (const Case& each : cases)
    EXPECT_THAT(partitions(each.text), HasSubstr(each.words)) << each.text;
}

} // namespace
} // namespace pgkeep::migrate
