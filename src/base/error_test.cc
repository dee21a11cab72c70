#include "base/error.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace pgkeep::base {
namespace {

TEST(ErrorTest, line_holds_the_parts_that_are_there) {
  const struct {
    const char* name;
    Error error;
    const char* want;
  } kCases[] = {
      {"what only", {.what = "it broke"}, "error: it broke"},
      {"whole",
       {.what = "value out of range",
        .where = "pgkeep.toml:14:9",
        .expected = "a duration",
        .hint = "Write 2s.",
        .left = "nothing"},
       "error: pgkeep.toml:14:9: value out of range (expected a duration). Write 2s. Left: "
       "nothing."},
      {"no hint",
       {.what = "it broke", .where = "x", .left = "half a folder"},
       "error: x: it broke. Left: half a folder."},
      {"hint without a stop", {.what = "it broke", .hint = "Mend it"}, "error: it broke. Mend it."},
      {"hint that asks",
       {.what = "it broke", .hint = "Did you mean \"a\"?"},
       "error: it broke. Did you mean \"a\"?"},
      {"line breaks",
       {.what = "first\nsecond\r\n\tthird\n", .where = "a\nb"},
       "error: a b: first second third"},
      {"terminal escapes", {.what = "bad \x1b[31mname"}, "error: bad \\x1b[31mname"},
  };
  for (const auto& test : kCases)
    EXPECT_EQ(to_line(test.error), test.want) << test.name;
}

TEST(ErrorTest, code_and_left_decide_the_exit_code) {
  const struct {
    Code code;
    const char* name;
    int unchanged;
    int changed;
  } kCases[] = {
      {Code::usage, "usage", 2, 2},
      {Code::config, "config", 2, 2},
      {Code::unreachable, "unreachable", 3, 3},
      {Code::refused, "refused", 3, 3},
      {Code::sql, "sql", 4, 5},
      {Code::io, "io", 4, 5},
      {Code::corrupt, "corrupt", 4, 5},
      {Code::timeout, "timeout", 4, 5},
      {Code::cancelled, "cancelled", 130, 130},
      {Code::unsupported, "unsupported", 4, 5},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(name_of(test.code), test.name);
    EXPECT_EQ(exit_code({.code = test.code}), test.unchanged) << test.name;
    EXPECT_EQ(exit_code({.code = test.code, .left = "half"}), test.changed) << test.name;
  }
}

Result<int> half(int number) {
  if (number % 2 != 0) return Error{.code = Code::corrupt, .what = "odd"};
  return number / 2;
}
Result<int> quarter(int number) {
  PGKEEP_TRY(const int halved, half(number));
  PGKEEP_CHECK(half(halved));
  return half(halved);
}

TEST(ResultTest, flow_macros_return_the_error_and_pass_the_value) {
  ASSERT_TRUE(quarter(8).has_value());
  EXPECT_EQ(*quarter(8), 2);
  for (const int number : {7, 6}) {
    ASSERT_FALSE(quarter(number).has_value()) << number;
    EXPECT_EQ(quarter(number).error().what, "odd");
  }
}

TEST(ResultTest, place_and_state_are_only_added_where_there_is_none) {
  EXPECT_EQ(with_where({.what = "x"}, "here").where, "here");
  EXPECT_EQ(with_where({.what = "x", .where = "there"}, "here").where, "there");
  EXPECT_EQ(with_left({.what = "x"}, "half").left, "half");
  EXPECT_EQ(with_left({.what = "x", .left = "all"}, "half").left, "all");
}

TEST(ResultDeathTest, broken_invariant_says_where_and_aborts) {
  EXPECT_DEATH(PGKEEP_ASSERT(1 == 2), "broken invariant: 1 == 2 at .*error_test.cc");
}

} // namespace
} // namespace pgkeep::base
