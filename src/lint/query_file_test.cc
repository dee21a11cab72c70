#include "lint/query_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lint/script.h"

namespace pgkeep::lint {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  for (const QueryName& each : query_names_in(text))
    names.push_back(each.name + "@" + std::to_string(each.begin));
  return names;
}

std::string sent(std::string_view text) {
  return SentQuery(text, 0, text.size(), query_parts_in(text, 0, text.size())).sql();
}

TEST(QueryFileTest, names_of_all_tools) {
  for (const char* const line :
       {"-- name: get_user", "--name:get_user", "-- name: get_user^", "-- name: get_user <!",
        "-- name: get_user :one", "-- name: get_user(id, mail)^", "/* @name get_user */",
        "/* @name get_user", "  -- name : get_user#  "})
    EXPECT_THAT(names_in(std::string(line) + "\nSELECT 1; /* */"), ElementsAre("get_user@0"))
        << line;
  EXPECT_THAT(names_in("-- name: find-user!\nSELECT 1;\n-- name: b\n"),
              ElementsAre("find-user@0", "b@30"));
  EXPECT_THAT(names_in("/*\n * @name Books\n * @param ids -> (...)\n */\nSELECT 1"),
              ElementsAre("Books@0"));
}

TEST(QueryFileTest, prose_and_commented_queries_have_no_name) {
  for (const char* const text :
       {"-- name: the user's name\nSELECT 1", "-- the name: x\n", "SELECT 1 -- name: x\n",
        "-- name:\n", "/*\n-- name: old\n*/\n", "SELECT\n@name x", "-- named: x\n"})
    EXPECT_THAT(names_in(text), IsEmpty()) << text;
  EXPECT_THAT(names_in("-- src/*.sql\n-- name: a\nSELECT 1"), ElementsAre("a@13"));
}

TEST(QueryFileTest, parameters_become_numbers) {
  EXPECT_EQ(sent("WHERE a = :user_id AND b = :x AND c = :user_id"),
            "WHERE a = $1 AND b = $2 AND c = $1");
  EXPECT_EQ(sent("WHERE a = @user_id AND b = sqlc.arg(b) AND c = sqlc.narg('b')"),
            "WHERE a = $1 AND b = $2 AND c = $2");
  EXPECT_EQ(sent("SELECT sqlc.embed(users) FROM users"), "SELECT users.* FROM users");
  EXPECT_EQ(sent("WHERE a = $2 AND b = :x"), "WHERE a = $2 AND b = $3");
  EXPECT_EQ(sent("VALUES (:a, :b); SELECT :b"), "VALUES ($1, $2); SELECT $1");
  EXPECT_EQ(sent("WHERE a = :id! AND b != :x"), "WHERE a = $1 AND b != $2");
  EXPECT_EQ(sent("SELECT ARRAY[:a, :b], c[:d]"), "SELECT ARRAY[$1, $2], c[$3]");
}

TEST(QueryFileTest, what_only_looks_like_a_parameter_stays) {
  for (const char* const text :
       {"SELECT a::text, ':x', E'\\':y', \":z\", $$ :q $$ -- :c", "SELECT a[1:n], a[lo:hi]",
        "SELECT a @> b, @ -5, '@x' /* @y :z */", "SELECT '12:30'::time, x.arg(y)"})
    EXPECT_EQ(sent(text), text);
}

TEST(QueryFileTest, places_are_those_of_the_file) {
  const std::string text = "SELECT 'ü', :a, :long_name, nope";
  const std::vector<QueryPart> parts = query_parts_in(text, 0, text.size());
  EXPECT_EQ(with_parts_in_place(text, parts), "SELECT 'ü', $1, $2        , nope");
  const SentQuery query(text, 0, text.size(), parts);
  EXPECT_EQ(query.sql(), "SELECT 'ü', $1, $2, nope");
  // The server counts characters.
  EXPECT_EQ(query.offset_of(8), text.find('\''));
  EXPECT_EQ(query.offset_of(17), text.find(":long_name"));
  EXPECT_EQ(query.offset_of(21), text.find("nope"));
  EXPECT_EQ(query.with_names("type of $2, not $12"), "type of :long_name, not $12");
}

TEST(QueryFileTest, a_tenth_parameter_of_one_letter_keeps_its_number) {
  const std::string text = "SELECT :a,:b,:c,:d,:e,:f,:g,:h,:i,:j, nope";
  const std::vector<QueryPart> parts = query_parts_in(text, 0, text.size());
  EXPECT_EQ(with_parts_in_place(text, parts), "SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$0, nope");
  const SentQuery query(text, 0, text.size(), parts);
  EXPECT_EQ(query.sql(), "SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$10, nope");
  EXPECT_EQ(query.offset_of(40), text.find("nope"));
  const Script script = Script::read("queries.sql", "-- name: a\n" + text);
  EXPECT_TRUE(script.sections().front().statements.front().root);
}

TEST(QueryFileTest, each_query_is_a_section) {
  const Script script =
      Script::read("queries.sql", "-- name: a^\nSELECT :x;\n\n-- name: b\nSELECT 1; SELECT @y;\n");
  EXPECT_TRUE(script.has_named_queries());
  EXPECT_FALSE(script.is_migration());
  ASSERT_EQ(script.sections().size(), 2U);
  EXPECT_EQ(script.sections()[0].query, "a");
  EXPECT_EQ(script.sections()[1].query, "b");
  ASSERT_EQ(script.sections()[1].statements.size(), 2U);
  EXPECT_TRUE(script.sections()[1].statements[1].root);
  EXPECT_EQ(script.sql_of(script.sections()[0].statements[0]), "SELECT :x");
  EXPECT_FALSE(Script::read("V1__x.sql", "-- name: a\nSELECT 1;").has_named_queries());
}

} // namespace
} // namespace pgkeep::lint
