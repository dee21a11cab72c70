#include "migrate/declare/wanted.h"

#include <gtest/gtest.h>

namespace pgkeep::migrate::declaring {
namespace {

TEST(PlaceIn, CountsLinesAndColumns) {
  EXPECT_EQ(place_in("a.sql", "x", 0), "a.sql:1:1");
  EXPECT_EQ(place_in("a.sql", "ab\ncd", 4), "a.sql:2:2");
  EXPECT_EQ(place_in("a.sql", "ab\n", 99), "a.sql:2:1");
}

TEST(OpenWanted, SaysWhatItIsNot) {
  const auto wanted = open_wanted("no/such/file.sql");
  ASSERT_FALSE(wanted);
  EXPECT_EQ(wanted.error().code, base::Code::usage);
}

} // namespace
} // namespace pgkeep::migrate::declaring
