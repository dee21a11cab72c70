#include "catalog/name_words.h"

#include <gtest/gtest.h>

namespace pgkeep::catalog {
namespace {

std::vector<std::string> words_of(std::string_view name) {
  const NameWords words(name);
  return {words.all().begin(), words.all().end()};
}

TEST(NameWords, SplitsAtUnderscoresAndCapitals) {
  EXPECT_EQ(words_of("unitPrice"), (std::vector<std::string>{"unit", "price"}));
  EXPECT_EQ(words_of("unit_price"), (std::vector<std::string>{"unit", "price"}));
  EXPECT_EQ(words_of("__x"), (std::vector<std::string>{"x"}));
  EXPECT_TRUE(words_of("").empty());
}

TEST(NameWords, TakesAnyNumberOfAnyLength) {
  const std::string longest(40, 'y');
  EXPECT_EQ(words_of("A-b_c d_" + longest + "_f"),
            (std::vector<std::string>{"a", "b", "c", "d", longest, "f"}));
  EXPECT_EQ(words_of("a_b_c_d"), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(NameWords("Unit_Price-of_the_day").joined(), "unit_price_of_the_day");
}

TEST(NameWords, KnowsMoneyFromWhatOnlySoundsLikeIt) {
  EXPECT_TRUE(names_money("unit_price"));
  EXPECT_TRUE(names_money("orderTotal"));
  EXPECT_FALSE(names_money("tax_rate"));
  EXPECT_FALSE(names_money("total_count"));
  EXPECT_TRUE(names_quantity("stock"));
  EXPECT_FALSE(names_quantity("title"));
}

TEST(NameWords, KnowsSecretsFromTheirHashes) {
  EXPECT_TRUE(names_secret("password"));
  EXPECT_TRUE(names_secret("apiToken"));
  EXPECT_TRUE(names_secret("credit_card_number"));
  EXPECT_FALSE(names_secret("title"));
}

TEST(NameWords, FindsTheOtherEndOfARange) {
  EXPECT_EQ(other_ends("valid_from"), (std::vector<std::string>{"valid_to", "valid_until"}));
  EXPECT_EQ(other_ends("startsAt"), (std::vector<std::string>{"ends_at"}));
  EXPECT_TRUE(other_ends("price").empty());
}

TEST(NameWords, FindsTheTableOfAReference) {
  EXPECT_EQ(table_names_for("category_id"),
            (std::vector<std::string>{"category", "categorys", "categoryes", "categories"}));
  EXPECT_TRUE(table_names_for("_id").empty());
  EXPECT_TRUE(table_names_for("id").empty());
}

} // namespace
} // namespace pgkeep::catalog
