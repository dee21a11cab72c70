// What rules know of the other files that are judged with one.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/config.h"
#include "lint/lint.h"

namespace pgkeep::lint {
namespace {

/// "file:line" of each finding.
std::vector<std::string> places(const std::vector<File>& files, const std::string& rule) {
  const auto report =
      lint(files, {.limits = findings::limits_from(base::Config{}), .only = {rule}});
  EXPECT_TRUE(report);
  std::vector<std::string> found;
  if (!report) return found;
  for (const findings::Finding& each : report->findings) {
    if (each.rule == rule) found.push_back(each.file + ":" + std::to_string(each.line));
  }
  return found;
}

using Places = std::vector<std::string>;

TEST(DownMissing, IsOwedWhereOtherFilesHaveOne) {
  const File first{.path = "migrations/0001_a.up.sql", .text = "SELECT 1;"};
  const File second{.path = "migrations/0002_b.up.sql", .text = "SELECT 2;"};
  const File back{.path = "migrations/0001_a.down.sql", .text = "SELECT 3;"};
  EXPECT_EQ(places({first, second}, "down-missing"), Places{});
  EXPECT_EQ(places({first, second, back}, "down-missing"), Places{"migrations/0002_b.up.sql:1"});
}

TEST(DownMissing, KnowsTheNamesOfFlywayAndSqitch) {
  const File up{.path = "V001__a.sql", .text = "SELECT 1;"};
  EXPECT_EQ(places({up, {.path = "U001__a.sql", .text = "SELECT 1;"}}, "down-missing"), Places{});
  EXPECT_EQ(places({up, {.path = "U002__b.sql", .text = "SELECT 1;"}}, "down-missing"),
            Places{"V001__a.sql:1"});
  const File deploy{.path = "db/deploy/a.sql", .text = "SELECT 1;"};
  EXPECT_EQ(places({deploy, {.path = "db/revert/a.sql", .text = "SELECT 1;"}}, "down-missing"),
            Places{});
  EXPECT_EQ(places({deploy, {.path = "db/revert/b.sql", .text = "SELECT 1;"}}, "down-missing"),
            Places{"db/deploy/a.sql:1"});
}

TEST(ChangeOwner, KnowsWhatAnEarlierFileCreated) {
  const File first{.path = "V001__a.sql",
                   .text = "CREATE VIEW v AS SELECT 1 AS a; CREATE SEQUENCE public.s;"};
  const File second{.path = "V002__b.sql",
                    .text = "ALTER VIEW public.v OWNER TO app;\nALTER SEQUENCE s OWNER TO app;\n"
                            "ALTER VIEW w OWNER TO app;"};
  EXPECT_EQ(places({first, second}, "change-owner"), Places{"V002__b.sql:3"});
}

} // namespace
} // namespace pgkeep::lint
