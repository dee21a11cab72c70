#include "postgres/sql_tree_check.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "postgres/sql_parser.h"
#include "postgres/sql_tree.h"

namespace pgkeep::postgres {
namespace {

std::string repeated(std::string_view piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += piece;
  return text;
}

TEST(SqlTreeCheckTest, counts_what_stands_between_semicolons) {
  EXPECT_EQ(tokens_at_most(""), 0);
  EXPECT_EQ(tokens_at_most("SELECT a, 'b; c', \"d;\" FROM t; SELECT 1"), 8);
  EXPECT_EQ(tokens_at_most("SELECT $x$ ; ' $x$ -- ; '\n/* ; ' */"), 4);
}

TEST(SqlTreeCheckTest, ordinary_text_of_any_length_is_harmless) {
  EXPECT_TRUE(is_plainly_harmless(repeated("SELECT a FROM t WHERE b = 'c';\n", 20'000)));
  EXPECT_FALSE(is_plainly_harmless("SELECT 1" + repeated("+1", 4000)));
}

// Each would let the rest of the text pass as a text constant or a comment.
TEST(SqlTreeCheckTest, nothing_hides_what_the_server_reads) {
  const std::string chain = "SELECT 1" + repeated(" UNION SELECT 1", 6000);
  for (const std::string& hidden : {
           "SELECT E'\\'', 1; " + chain + " --'",
           "SELECT E'a''\\'', 1; " + chain + " --'",
           "SELECT E'a'\n'\\'', 1; " + chain + " --'",
           "SELECT E'a' -- b\n'\\'', 1; " + chain + " --'",
           "SELECT 1$a$'$a$; " + chain + " --'",
           "SELECT 1 -- '\r; " + chain + " --'",
           "SELECT 1 /* /* */ ' */; " + chain + " --'",
       }) {
    EXPECT_FALSE(is_plainly_harmless(hidden)) << hidden.substr(0, 30);
  }
  EXPECT_FALSE(Tree::parse("SELECT 1$a$'$a$; " + chain + " --'"));
}

TEST(SqlTreeCheckTest, pieces_are_those_of_the_scanner) {
  const std::string_view sql =
      " -- a;\nSELECT E'\\';' ; SELEC 1;; CREATE RULE r AS ON INSERT TO t DO "
      "(SELECT 1; SELECT 2) -- b\n; SELECT $$;$$";
  const auto pieces = pieces_quickly(sql);
  const std::vector<StatementText> rough = split_roughly(sql);
  ASSERT_TRUE(pieces);
  ASSERT_EQ(pieces->size(), rough.size());
  ASSERT_EQ(rough.size(), 4U);
  for (std::size_t i = 0; i < rough.size(); ++i) {
    EXPECT_EQ((*pieces)[i].begin, rough[i].offset);
    EXPECT_EQ((*pieces)[i].end, rough[i].offset + rough[i].sql.size());
  }
  EXPECT_EQ(pieces_of("SELECT 1", 5).front().begin, 5U);
}

TEST(SqlTreeCheckTest, what_does_not_end_is_left_to_the_scanner) {
  for (const std::string_view open :
       {"SELECT 'a", "SELECT \"a", "SELECT $$a", "/* a", "SELECT $a$ $a"})
    EXPECT_EQ(tokens_at_most(open), std::nullopt) << open;
  EXPECT_EQ(tokens_at_most(std::string_view("SELECT\0 1", 9)), std::nullopt);
}

} // namespace
} // namespace pgkeep::postgres
