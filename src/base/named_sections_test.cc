#include "base/named_sections.h"

#include <gtest/gtest.h>

namespace pgkeep::base {
namespace {

constexpr Key kSectionKeys[] = {
    {"pool", "size", KeyType::integer, "", "h"},
    {"pool.databases.*", "host", KeyType::text, "", "h"},
};

TEST(NamedSections, KnowTheirNamesAndPlaces) {
  const auto read = parse_named_sections("[other]\nx = 1\n[pool]\nsize = 3\n"
                                         "[pool.databases.\"a.b\"]\nhost = \"h\"\n"
                                         "[pool.databases.empty]\n",
                                         "f.toml", kSectionKeys, "pool");
  ASSERT_TRUE(read) << to_line(read.error());
  ASSERT_EQ(read->sections.size(), 2U);
  EXPECT_EQ(read->sections[0].parent, "pool.databases");
  EXPECT_EQ(read->sections[0].name, "a.b");
  EXPECT_EQ(read->sections[0].where, "f.toml:5:17");
  EXPECT_EQ(read->sections[1].name, "empty");
  ASSERT_EQ(read->values.size(), 2U);
  EXPECT_EQ(read->values[1].section, "pool.databases.a.b");
  EXPECT_EQ(read->values[1].text, "h");
}

TEST(NamedSections, UnknownKeysInThemAreErrors) {
  const auto read =
      parse_config("[pool.databases.shop]\nhots = \"h\"\n", "f.toml", kSectionKeys, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().where, "f.toml:2:1");
  EXPECT_EQ(read.error().hint, "Did you mean \"host\"?");
  EXPECT_TRUE(parse_config("[pool.databases.shop]\nhost = \"h\"\n", "f.toml", kSectionKeys, {}));
}

} // namespace
} // namespace pgkeep::base
