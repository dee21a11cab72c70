#include <gtest/gtest.h>

#include "postgres/conn.h"

namespace pgkeep::postgres {
namespace {

using Items = std::vector<std::string>;

TEST(Array, ReadsWhatTheServerWrites) {
  struct Case {
    std::string_view literal;
    Items want;
  };
  const Case cases[] = {
      {"{}", {}},
      {"{a}", {"a"}},
      {"{a,\"b c\",NULL}", {"a", "b c", ""}},
      {"{\"NULL\",null}", {"NULL", ""}},
      {R"({"a\"b","c\\d","e,f","{g}"})", {"a\"b", "c\\d", "e,f", "{g}"}},
      {"{\"\",x}", {"", "x"}},
      {"[0:2]={1,2,3}", {"1", "2", "3"}},
      {"{ a , \"b\" }", {"a", "b"}},
      {"{é,\"line\nbreak\"}", {"é", "line\nbreak"}},
      {R"({\N\U\L\L})", {"NULL"}},
  };
  for (const Case& c : cases)
    EXPECT_EQ(parse_array(c.literal), c.want) << c.literal;
}

TEST(Array, EndsOnTextThatIsNoLiteral) {
  EXPECT_EQ(parse_array(""), Items{});
  EXPECT_EQ(parse_array("abc"), Items{});
  EXPECT_EQ(parse_array("{a,b"), Items{"a"});
  EXPECT_EQ(parse_array("{\"a"), Items{});
  EXPECT_EQ(parse_array("{\\"), Items{});
  EXPECT_EQ(parse_array("{a}trailing"), Items{"a"});
}

} // namespace
} // namespace pgkeep::postgres
