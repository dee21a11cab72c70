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

TEST(SqlTreeCheckTest, a_text_is_cut_in_front_of_statements) {
  const std::string sql = "-- a\n" + repeated("SELECT 1, 'b;' FROM t; -- c;\n", 200);
  const TextCut cut = cut_up(sql, 7);
  EXPECT_EQ(cut.pieces.size(), 200U);
  ASSERT_GT(cut.stretches.size(), 3U);
  std::size_t at = 7;
  for (const TextPiece& stretch : cut.stretches) {
    EXPECT_EQ(stretch.begin, at);
    EXPECT_EQ(sql.substr(stretch.begin - 7, 6), at == 7 ? "-- a\nS" : "SELECT");
    EXPECT_TRUE(Tree::parse(sql.substr(stretch.begin - 7, stretch.end - stretch.begin)));
    at = stretch.end;
  }
  EXPECT_EQ(at, 7 + sql.size());
}

TEST(SqlTreeCheckTest, what_only_the_scanner_can_take_apart_is_not_cut) {
  const TextCut cut = cut_up(repeated("SELECT 1; /* /* */ */\n", 100));
  EXPECT_TRUE(cut.pieces.empty());
  ASSERT_EQ(cut.stretches.size(), 1U);
  EXPECT_EQ(cut.stretches.front().end, 2200U);
}

TEST(SqlTreeCheckTest, what_does_not_end_is_left_to_the_scanner) {
  for (const std::string_view open :
       {"SELECT 'a", "SELECT \"a", "SELECT $$a", "/* a", "SELECT $a$ $a"})
    EXPECT_EQ(tokens_at_most(open), std::nullopt) << open;
  EXPECT_EQ(tokens_at_most(std::string_view("SELECT\0 1", 9)), std::nullopt);
}

} // namespace
} // namespace pgkeep::postgres
