#include "migrate/rehearsal_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::migrate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RowSums orders(std::int64_t count, std::string digest, std::map<std::string, std::string> columns) {
  RowSums sums;
  sums["public.orders"] = {
      .count = count, .digest = std::move(digest), .columns = std::move(columns)};
  return sums;
}

TEST(CompareRows, NamesWhatIsLost) {
  const RowSums before = orders(10, "d1", {{"id", "1"}, {"note", "2"}});
  EXPECT_THAT(compare_rows(before, before, {}), IsEmpty());
  EXPECT_THAT(compare_rows(before, orders(7, "d2", {{"id", "1"}, {"note", "2"}}), {}),
              ElementsAre("public.orders: 10 rows before, 7 after"));
  EXPECT_THAT(compare_rows(before, orders(10, "d2", {{"id", "1"}, {"note", "3"}}), {}),
              ElementsAre("public.orders: other values in note (10 rows)"));
  EXPECT_THAT(compare_rows(before, orders(10, "d2", {{"id", "1"}, {"note", "2"}}), {}),
              ElementsAre("public.orders: values stand in other rows"));
  // A column or a table that is gone is for the schema's comparison.
  EXPECT_THAT(compare_rows(before, orders(10, "d2", {{"id", "1"}}), {}), IsEmpty());
  EXPECT_THAT(compare_rows(before, {}, {}), IsEmpty());
}

TEST(CompareRows, HeedsWhatIsDeclared) {
  const RowSums before = orders(10, "d1", {{"id", "1"}, {"note", "2"}});
  const RowSums note = orders(10, "d2", {{"id", "1"}, {"note", "3"}});
  for (const char* const what : {"public.orders.note", "orders.note", "public.orders", "orders"})
    EXPECT_THAT(compare_rows(before, note, {{.what = what, .reason = "x"}}), IsEmpty()) << what;
  for (const char* const what : {"public.orders.id", "other.note", "note", "shop.orders"})
    EXPECT_FALSE(compare_rows(before, note, {{.what = what, .reason = "x"}}).empty()) << what;
  // A declared column does not cover lost rows.
  EXPECT_FALSE(
      compare_rows(before, orders(9, "d", {}), {{.what = "orders.note", .reason = "x"}}).empty());
}

TEST(LossesOf, ReadsDirectives) {
  const Source source = read_source("V1__x.down.sql",
                                    "-- pgkeep:loses public.orders.note: nobody reads it\n"
                                    "ALTER TABLE orders DROP COLUMN note;\n",
                                    true);
  const auto losses = losses_of(source);
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].what, "public.orders.note");
  EXPECT_EQ(losses[0].reason, "nobody reads it");
}

} // namespace
} // namespace pgkeep::migrate
