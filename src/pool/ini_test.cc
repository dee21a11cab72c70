#include "pool/ini.h"

#include <map>

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

using Files = std::map<std::string, std::string>;

base::Result<std::vector<IniLine>> read(const Files& files) {
  return read_ini("a.ini", [&](const std::string& path) -> base::Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end())
      return base::Error{.code = base::Code::io, .what = "no such file: " + path};
    return found->second;
  });
}

TEST(Ini, LinesHaveSectionKeyValueAndPlace) {
  const auto lines = read({{"a.ini", "; a comment\n[databases]\n  shop = host=/tmp  # not one \r\n"
                                     "\"odd \"\"name\"\"\"=\n* = port=1\n\n# another\n"
                                     "[pgbouncer]\nlisten_port=6432"}});
  ASSERT_TRUE(lines) << lines.error().what;
  ASSERT_EQ(lines->size(), 4U);
  EXPECT_EQ((*lines)[0].section, "databases");
  EXPECT_EQ((*lines)[0].key, "shop");
  EXPECT_EQ((*lines)[0].value, "host=/tmp  # not one");
  EXPECT_EQ((*lines)[0].where, "a.ini:3");
  EXPECT_EQ((*lines)[1].key, "odd \"name\"");
  EXPECT_EQ((*lines)[1].value, "");
  EXPECT_EQ((*lines)[2].key, "*");
  EXPECT_EQ((*lines)[3].section, "pgbouncer");
  EXPECT_EQ((*lines)[3].where, "a.ini:9");
}

TEST(Ini, ALineGoesOnBehindItsSection) {
  const auto lines = read({{"a.ini", "[databases] ; comment\na = 1\n[users] # comment\n"
                                     "[peers][pgbouncer] x = 2 ; no comment\n[users]\n"}});
  ASSERT_TRUE(lines) << lines.error().what << lines.error().where;
  ASSERT_EQ(lines->size(), 2U);
  EXPECT_EQ((*lines)[0].section, "databases");
  EXPECT_EQ((*lines)[1].section, "pgbouncer");
  EXPECT_EQ((*lines)[1].key, "x");
  EXPECT_EQ((*lines)[1].value, "2 ; no comment");
  EXPECT_EQ((*lines)[1].where, "a.ini:4");
}

TEST(Ini, WhatIsIncludedStandsWhereItsDirectiveDoes) {
  const auto lines = read({{"a.ini", "[pgbouncer]\nx = 1\n%include b.ini\nz = 3\n"},
                           {"b.ini", "[databases]\ny = 2\n"}});
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 3U);
  EXPECT_EQ((*lines)[1].where, "b.ini:2");
  EXPECT_EQ((*lines)[2].section, "databases") << "the section of the included file goes on";
}

TEST(Ini, MistakesHaveTheirPlace) {
  struct Mistake {
    Files files;
    std::string_view where;
  };
  const Mistake mistakes[] = {
      {{{"a.ini", "[pgbouncer]\nkey\n"}}, "a.ini:2"},
      {{{"a.ini", "[pgbouncer\n"}}, "a.ini:1"},
      {{{"a.ini", "[pgbouncer] x\n"}}, "a.ini:1"},
      {{{"a.ini", "[pgbouncer] [x\n"}}, "a.ini:1"},
      {{{"a.ini", "key = 1\n"}}, "a.ini:1"},
      {{{"a.ini", "[x]\n= 1\n"}}, "a.ini:2"},
      {{{"a.ini", "[x]\n\"open = 1\n"}}, "a.ini:2"},
      {{{"a.ini", "%include\n"}}, "a.ini:1"},
      {{{"a.ini", "%includes b.ini\n"}}, "a.ini:1"},
      {{{"a.ini", "\n%include none.ini\n"}}, "a.ini:2"},
      {{{"a.ini", "%include a.ini\n"}}, "a.ini:1"},
      {{{"a.ini", "%include b.ini"}, {"b.ini", "[x]\ny\n"}}, "b.ini:2"},
  };
  for (const Mistake& each : mistakes) {
    const auto lines = read(each.files);
    ASSERT_FALSE(lines) << each.files.at("a.ini");
    EXPECT_EQ(lines.error().where, each.where) << each.files.at("a.ini");
  }
}

TEST(Ini, OptionsOfAConnection) {
  const auto options =
      options_in(" host=/tmp port = 5432 password='it''s, a secret' connect_query=''\t");
  ASSERT_TRUE(options);
  ASSERT_EQ(options->size(), 4U);
  EXPECT_EQ((*options)[1].key, "port");
  EXPECT_EQ((*options)[1].value, "5432");
  EXPECT_EQ((*options)[2].value, "it's, a secret");
  EXPECT_EQ((*options)[3].value, "");
  EXPECT_TRUE(options_in("  ")->empty());
  for (const std::string_view text : {"host", "=x", "host=", "a=b c", "password='open", "p='x''"})
    EXPECT_FALSE(options_in(text)) << text;
}

} // namespace
} // namespace pgkeep::pool
