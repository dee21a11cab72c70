// Single values here; whole rows are decoded from real servers in tests/e2e.
#include "catalog/decode.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace pgkeep::catalog {
namespace {

template <typename T>
struct Good {
  const char* text;
  T want;
};

template <typename T, std::size_t Count>
void expect_all(const Good<T> (&cases)[Count]) {
  for (const Good<T>& each : cases) {
    T value{};
    EXPECT_TRUE(decode_value(each.text, value)) << each.text;
    EXPECT_EQ(value, each.want) << each.text;
  }
}

template <typename T>
void expect_refused(std::initializer_list<const char*> texts, T before) {
  for (const char* text : texts) {
    T value = before;
    EXPECT_FALSE(decode_value(text, value)) << text;
    EXPECT_EQ(value, before) << text;
  }
}

TEST(Decode, Booleans) {
  expect_all<bool>({{"t", true}, {"f", false}, {"true", true}, {"false", false}});
  expect_refused<bool>({"", "1", "yes", "T"}, true);
}

TEST(Decode, Integers) {
  using Small = std::numeric_limits<std::int32_t>;
  using Large = std::numeric_limits<std::int64_t>;
  expect_all<std::int32_t>({{"0", 0},
                            {"-1", -1},
                            {"2147483647", Small::max()},
                            {"2147483648", Small::max()},
                            {"-3000000000", Small::min()}});
  expect_all<std::uint32_t>({{"4294967295", 4294967295U}, {"0", 0}});
  expect_all<std::int64_t>({{"9223372036854775807", Large::max()},
                            {"-9223372036854775808", Large::min()},
                            {"9223372036854775808", Large::max()},
                            {"-1e30", Large::min()},
                            {"12.0", 12},
                            {"12.5", 13},
                            {"1e+06", 1'000'000},
                            {"Infinity", Large::max()}});
  expect_refused<std::int64_t>({"", "x", "12 x", "NaN", "{1}"}, 7);
}

TEST(Decode, Doubles) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  expect_all<double>({{"0", 0.0},
                      {"-1", -1.0},
                      {"1763733628.123456", 1763733628.123456},
                      {"1e+20", 1e20},
                      {"Infinity", kInfinity},
                      {"-Infinity", -kInfinity}});
  double value = 0;
  EXPECT_TRUE(decode_value("NaN", value));
  EXPECT_TRUE(std::isnan(value));
  expect_refused<double>({"", "x", "1.5 s"}, 7.0);
}

TEST(Decode, Texts) {
  std::string text = "before";
  EXPECT_TRUE(decode_value("", text));
  EXPECT_EQ(text, "");
  std::vector<std::string> texts{"before"};
  EXPECT_TRUE(decode_value("{}", texts));
  EXPECT_TRUE(texts.empty());
  EXPECT_TRUE(decode_value(R"({a,"b c","d\"e\\",""})", texts));
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "b c", "d\"e\\", ""}));
  expect_refused<std::vector<std::string>>({"", "a", "{a"}, {"before"});
}

TEST(Decode, Integerlists) {
  using List = std::vector<std::int32_t>;
  expect_all<List>({{"{}", {}},
                    {"", {}},
                    {"{1}", {1}},
                    {"{1,-2,30}", {1, -2, 30}},
                    {"1 2 0", {1, 2, 0}},
                    {"{1,NULL,3}", {1, 0, 3}}});
  expect_refused<List>({"{a}", "{1,}", "{1;2}", "{1", "{99999999999}"}, {7});
  expect_all<std::vector<std::uint32_t>>(
      {{"{4294967295,1}", {4294967295U, 1}}, {"0 100", {0, 100}}});
}

} // namespace
} // namespace pgkeep::catalog
