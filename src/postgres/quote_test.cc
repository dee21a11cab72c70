#include "postgres/quote.h"

#include <gtest/gtest.h>

namespace pgkeep::postgres {
namespace {

struct QuoteCase {
  std::string_view input;
  std::string_view want;
};

TEST(Quote, IdentifierAsQuoteIdent) {
  for (const QuoteCase& c : {QuoteCase{"orders", "orders"},
                             {"_x1", "_x1"},
                             {"Order \"x\"", "\"Order \"\"x\"\"\""},
                             {"", "\"\""},
                             {"1a", "\"1a\""},
                             {"a-b", "\"a-b\""},
                             {"a$b", "\"a$b\""},
                             {"über", "\"über\""},
                             {"a.b", "\"a.b\""},
                             {"x\"; DROP TABLE t; --", "\"x\"\"; DROP TABLE t; --\""},
                             {"a\\b", "\"a\\b\""},
                             {"a\nb", "\"a\nb\""}}) {
    EXPECT_EQ(quote_identifier(c.input), c.want);
  }
}

TEST(Quote, KeywordsThatAreNoPlainNames) {
  for (const std::string_view word : {"all", "user", "table", "select", "xmltable", "between",
                                      "json_table", "time", "left", "window", "system_user"}) {
    EXPECT_EQ(quote_identifier(word), "\"" + std::string(word) + "\"");
  }
  // Unreserved keywords need none.
  for (const std::string_view word : {"name", "data", "comment", "owner", "view", "users"})
    EXPECT_EQ(quote_identifier(word), word);
}

TEST(Quote, QualifiedQuotesEachPart) {
  EXPECT_EQ(quote_qualified("public", "orders"), "public.orders");
  EXPECT_EQ(quote_qualified("a.b", "User"), "\"a.b\".\"User\"");
}

TEST(Quote, LiteralMeansTheSameInEveryStringMode) {
  for (const QuoteCase& c : {QuoteCase{"", "''"},
                             {"it's", "'it''s'"},
                             {"'; DROP TABLE t; --", "'''; DROP TABLE t; --'"},
                             {"\\", "E'\\\\'"},
                             {"\\'", "E'\\\\'''"},
                             {"C:\\new", "E'C:\\\\new'"},
                             {"é\n", "'é\n'"}}) {
    EXPECT_EQ(quote_literal(c.input), c.want);
  }
}

} // namespace
} // namespace pgkeep::postgres
