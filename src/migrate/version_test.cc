#include "migrate/version.h"

#include <gtest/gtest.h>

namespace pgkeep::migrate {
namespace {

TEST(Version, IsReadAsNumbers) {
  EXPECT_TRUE(*Version::parse("2") < *Version::parse("010"));
  EXPECT_TRUE(*Version::parse("1.2") < *Version::parse("1.10"));
  EXPECT_TRUE(*Version::parse("1") == *Version::parse("001"));
  EXPECT_TRUE(*Version::parse("1") == *Version::parse("1.0"));
  EXPECT_EQ(Version::parse("001.20")->key(), "1.20");
  EXPECT_EQ(Version::parse("1_0")->key(), "1");
  for (const char* wrong : {"", "a", "1.", ".1", "1a", "-1", "99999999999999999999999"})
    EXPECT_FALSE(Version::parse(wrong)) << wrong;
}

TEST(Version, CountsInItsOwnForm) {
  EXPECT_EQ(Version::parse("009")->next(), "010");
  EXPECT_EQ(Version::parse("999")->next(), "1000");
  EXPECT_EQ(Version::parse("1.9")->next(), "1.10");
  EXPECT_TRUE(Version::parse("20261121101500")->is_timestamp());
  EXPECT_FALSE(Version::parse("20261121")->is_timestamp());
}

} // namespace
} // namespace pgkeep::migrate
