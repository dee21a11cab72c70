#include "lint/directives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::lint {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names_above(std::string_view text, std::string_view statement) {
  std::vector<std::string> names;
  for (const Directive& each : directives_above(text, text.find(statement)))
    names.push_back(each.name);
  return names;
}

TEST(Directives, stand_on_lines_of_their_own_above_a_statement) {
  EXPECT_THAT(names_above("-- pgkeep:batch key=id\nUPDATE t", "UPDATE"), ElementsAre("batch"));
  EXPECT_THAT(names_above("--pgkeep:Step\r\n\r\n  -- why\n  -- pgkeep:shadow\n  ALTER", "ALTER"),
              ElementsAre("step", "shadow"));
  EXPECT_THAT(names_above("-- pgkeep:step\n/* two\n   lines */\nUPDATE t", "UPDATE"),
              ElementsAre("step"));
}

TEST(Directives, do_not_reach_past_another_statement) {
  EXPECT_THAT(names_above("-- pgkeep:batch key=id\nSELECT 1;\nUPDATE t", "UPDATE"), IsEmpty());
  EXPECT_THAT(names_above("SELECT 1; -- pgkeep:batch\nUPDATE t", "UPDATE"), IsEmpty());
  EXPECT_THAT(names_above("SELECT 1; UPDATE t", "UPDATE"), IsEmpty());
  EXPECT_THAT(names_above("/* -- pgkeep:batch */\nUPDATE t", "UPDATE"), IsEmpty());
  EXPECT_THAT(names_above("-- pgkeep: a remark\nUPDATE t", "UPDATE"), IsEmpty());
}

TEST(Directives, have_arguments_and_a_place) {
  const auto found =
      directives_above("-- pgkeep:batch key=id size=5000 max-lag=5s dry\nUPDATE t", 48);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].offset, 0U);
  ASSERT_NE(found[0].find("max-lag"), nullptr);
  EXPECT_EQ(*found[0].find("max-lag"), "5s");
  EXPECT_EQ(*found[0].find("dry"), "");
  EXPECT_EQ(found[0].find("load"), nullptr);
  EXPECT_EQ(directives_above("-- pgkeep:loses users.fax: unread\nDROP", 34)[0].text,
            "users.fax: unread");
}

TEST(Directives, behind_a_statement_are_out_of_place) {
  const std::string_view text = "SELECT 1; -- pgkeep:step\n-- pgkeep:batch\n";
  const auto found = directives_between(text, 8, text.size());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].is_in_place);
  EXPECT_TRUE(found[1].is_in_place);
  EXPECT_NE(find_directive(found, "batch"), nullptr);
}

} // namespace
} // namespace pgkeep::lint
