#include "postgres/types.h"

#include <gtest/gtest.h>

namespace pgkeep::postgres {
namespace {

TEST(Lsn, IsPrintedAndReadAsTheServerDoes) {
  struct Case {
    std::string_view text;
    std::uint64_t value;
  };
  for (const Case& c : {Case{"0/0", 0},
                        {"16/B374D848", 0x16'B374'D848},
                        {"FFFFFFFF/FFFFFFFF", ~std::uint64_t{0}},
                        {"1/A", 0x1'0000'000A}}) {
    const auto lsn = parse_lsn(c.text);
    ASSERT_TRUE(lsn) << c.text;
    EXPECT_EQ(lsn->value, c.value) << c.text;
    EXPECT_EQ(to_text(*lsn), c.text);
  }
  EXPECT_EQ(parse_lsn("16/b374d848")->value, std::uint64_t{0x16'B374'D848});
}

TEST(Lsn, RefusesOtherText) {
  for (const std::string_view text : {"", "/", "1", "1/", "/1", "1/2/3", "g/1", "-1/0", "+1/0",
                                      "0x1/0", " 1/2", "1/2 ", "123456789/0", "0/123456789"}) {
    EXPECT_FALSE(parse_lsn(text)) << text;
  }
}

TEST(ServerVersion, HasMajorAndMinor) {
  const ServerVersion version{180004};
  EXPECT_EQ(version.major(), 18);
  EXPECT_EQ(version.minor(), 4);
  EXPECT_EQ(to_text(version), "18.4");
  EXPECT_EQ(to_text(ServerVersion{150018}), "15.18");
  EXPECT_LT(ServerVersion{150018}, version);
}

} // namespace
} // namespace pgkeep::postgres
