#include "sandbox/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::sandbox {
namespace {

using testing::ElementsAre;

TEST(BoundsOf, ReadsLists) {
  const auto bounds = bounds_of("CHECK ((state = ANY (ARRAY['new'::text, 'it''s'::text])))");
  EXPECT_THAT(bounds.at("state").choices, ElementsAre("'new'", "'it''s'"));
  const auto varchar = bounds_of("CHECK (((state)::text = ANY ((ARRAY['a'::character varying, "
                                 "'b'::character varying])::text[])))");
  EXPECT_THAT(varchar.at("state").choices, ElementsAre("'a'", "'b'"));
}

TEST(BoundsOf, ReadsComparisons) {
  const auto bounds = bounds_of("CHECK (((size >= 1) AND (size < '10'::bigint)))").at("size");
  EXPECT_EQ(bounds.low, "1");
  EXPECT_FALSE(bounds.low_is_open);
  EXPECT_EQ(bounds.high, "'10'");
  EXPECT_TRUE(bounds.high_is_open);
  const auto mirrored = bounds_of("CHECK (((- 5) < size)) NOT VALID").at("size");
  EXPECT_EQ(mirrored.low, "-5");
  EXPECT_TRUE(mirrored.low_is_open);
  EXPECT_EQ(bounds_of("CHECK ((total > (0)::numeric))").at("total").low, "0");
  EXPECT_EQ(bounds_of("CHECK ((char_length(name) <= 40))").at("name").length_max, 40);
}

TEST(BoundsOf, LeavesOutWhatItDoesNotUnderstand) {
  for (const char* const definition :
       {"CHECK ((a ~ '^x$'::text))", "CHECK (((a > 1) OR (b > 1)))", "CHECK ((a > b))",
        "CHECK ((a = ANY (ARRAY[b, c])))", "CHECK (f(a))", "UNIQUE (a)", "", "CHECK (("}) {
    EXPECT_TRUE(bounds_of(definition).empty()) << definition;
  }
}

ColumnShape shape(std::string type, std::string full_type, int modifier = -1) {
  return {.type = std::move(type),
          .full_type = std::move(full_type),
          .modifier = modifier,
          .bounds = {}};
}

TEST(ValueExpression, KnowsTypes) {
  EXPECT_EQ(value_expression(shape("int4", "integer")), "(g % 2000000000)::integer");
  EXPECT_EQ(value_expression(shape("_text", "text[]")), "'{}'::text[]");
  EXPECT_EQ(value_expression(shape("geometry", "geometry")), std::nullopt);
  // numeric(8,2): six digits in front of the point.
  EXPECT_EQ(value_expression(shape("numeric", "numeric(8,2)", ((8 << 16) | 2) + 4)),
            "(g % 999999)::numeric(8,2)");
  ColumnShape mood = shape("mood", "mood");
  mood.category = 'e';
  EXPECT_EQ(value_expression(mood),
            "(enum_range(NULL::mood))[1 + (g - 1) % cardinality(enum_range(NULL::mood))]");
}

TEST(ValueExpression, KeepsLengths) {
  const auto code = value_expression(shape("bpchar", "character(2)", 6));
  EXPECT_EQ(code, "left(g::text || 'x' || repeat(md5(g::text), 1), 2)::character(2)");
  ColumnShape wide = shape("text", "text");
  wide.average_width = 100;
  EXPECT_EQ(value_expression(wide), "left(g::text || 'x' || repeat(md5(g::text), 4), 100)::text");
}

} // namespace
} // namespace pgkeep::sandbox
