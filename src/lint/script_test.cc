#include "lint/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::lint {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// "down none 3:1 SELECT 1": each statement with its section and place.
std::vector<std::string> lines_of(const Script& script) {
  constexpr const char* modes[] = {"none", "managed", "one-text", "steps"};
  constexpr const char* origins[] = {"", "block ", "function "};
  std::vector<std::string> lines;
  for (const Section& section : script.sections()) {
    for (const Statement& each : section.statements) {
      const Script::Place place = script.place_of(each.root ? each.begin : each.problem_offset);
      std::string line = std::string(section.is_down ? "down " : "up ") +
                         modes[static_cast<int>(section.transaction)] + " " +
                         origins[static_cast<int>(each.origin)] + std::to_string(place.line) + ":" +
                         std::to_string(place.column) + " ";
      line += each.root ? std::string(script.sql_of(each)) : "! " + each.problem;
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

TEST(ScriptTest, reads_the_conventions_of_tools) {
  const auto mode = [](const char* path, const char* text = "SELECT 1") {
    const std::vector<std::string> lines = lines_of(Script::read(path, text));
    return lines.empty()
               ? std::string()
               : lines.front().substr(0, lines.front().rfind(' ', lines.front().size() - 9));
  };
  EXPECT_EQ(mode("V001__x.sql"), "up steps 1:1");
  EXPECT_EQ(mode("V001__x.down.sql"), "down steps 1:1");
  EXPECT_EQ(mode("U1__x.sql"), "down steps 1:1");
  EXPECT_EQ(mode("db/1_x.up.sql"), "up one-text 1:1");
  EXPECT_EQ(mode("db/1_x.down.sql"), "down one-text 1:1");
  EXPECT_EQ(mode("prisma/migrations/2024_x/migration.sql"), "up one-text 1:1");
  EXPECT_EQ(mode("deploy/x.sql"), "up none 1:1");
  EXPECT_EQ(mode("revert/x.sql"), "down none 1:1");
  EXPECT_EQ(mode("queries.sql"), "up none 1:1");
  EXPECT_TRUE(Script::read("migrations/001.sql", "").is_migration());
  EXPECT_FALSE(Script::read("queries.sql", "").is_migration());
}

TEST(ScriptTest, markers_part_a_file) {
  const Script dbmate = Script::read(
      "db/1.sql", "-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;\n");
  EXPECT_THAT(lines_of(dbmate), ElementsAre("up none 2:1 SELECT 1", "down managed 4:1 SELECT 2"));
  const Script goose = Script::read(
      "1.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;");
  EXPECT_THAT(lines_of(goose), ElementsAre("up none 3:1 SELECT 1", "down none 5:1 SELECT 2"));
  EXPECT_TRUE(dbmate.is_migration());
}

TEST(ScriptTest, a_mistake_hides_nothing_else) {
  const Script script = Script::read("a.sql", "SELECT 1;\nSELEC 2;\nSELECT 'ü', 3 3;\nSELECT 4");
  EXPECT_THAT(lines_of(script),
              ElementsAre("up none 1:1 SELECT 1", "up none 2:1 ! syntax error at or near \"SELEC\"",
                          "up none 3:15 ! syntax error at or near \"3\"", "up none 4:1 SELECT 4"));
}

// Files are parsed a thousand bytes at a time: wherever that ends, nothing changes.
TEST(ScriptTest, where_a_file_is_cut_does_not_show) {
  for (std::size_t before = 80; before < 110; ++before) {
    std::string text;
    for (std::size_t i = 0; i < before; ++i)
      text += "SELECT 1;\n";
    const Script whole =
        Script::read("a.sql", text + "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; "
                                     "SELECT 2; END;\nSELECT 3");
    EXPECT_EQ(lines_of(whole).size(), before + 2);
    EXPECT_THAT(lines_of(whole).back(), testing::EndsWith(" SELECT 3"));
    const Script wrong = Script::read("a.sql", text + "SELECT 1 +;\n" + text);
    ASSERT_EQ(lines_of(wrong).size(), 2 * before + 1);
    EXPECT_THAT(lines_of(wrong)[before], testing::EndsWith("! syntax error at or near \";\""));
  }
}

TEST(ScriptTest, psql_commands_and_data_are_no_sql) {
  const Script script =
      Script::read("a.sql", "\\set ON_ERROR_STOP on\nCOPY t FROM stdin;\n1\t';\n\\.\nSELECT 2;\n");
  EXPECT_THAT(lines_of(script),
              ElementsAre("up none 2:1 COPY t FROM stdin", "up none 5:1 SELECT 2"));
}

TEST(ScriptTest, what_bodies_hold_follows_with_its_place) {
  const Script script = Script::read(
      "a.sql", "DO $$\nBEGIN\n  DROP TABLE a;\n  EXECUTE 'DROP TABLE b';\n"
               "  EXECUTE format('DROP TABLE %I', c);\nEND $$;\n"
               "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT 1; SELECT 2';");
  std::vector<std::string> lines = lines_of(script);
  ASSERT_EQ(lines.size(), 7U);
  lines.erase(lines.begin() + 4);
  lines.erase(lines.begin());
  EXPECT_THAT(lines,
              ElementsAre("up none block 3:3 DROP TABLE a", "up none block 4:12 DROP TABLE b",
                          "up none block 5:11 ! is made at run time",
                          "up none function 7:51 SELECT 1", "up none function 7:61 SELECT 2"));
}

TEST(ScriptTest, marks_belong_to_the_statement_below_or_beside) {
  const Script script =
      Script::read("a.sql", "-- pgkeep:ignore drop-table: nobody reads it\nDROP TABLE a;\n"
                            "SELECT 1; -- pgkeep:ignore select-star\nSELECT 2;");
  std::vector<std::string> marks;
  for (const Statement& each : script.sections().front().statements) {
    std::string mark;
    for (const IgnoreMark& ignore : each.ignores)
      mark += ignore.rule + "=" + ignore.reason;
    marks.push_back(mark);
  }
  EXPECT_THAT(marks, ElementsAre("drop-table=nobody reads it", "select-star=", ""));
}

TEST(ScriptTest, the_opening_comment_is_what_stands_first) {
  EXPECT_EQ(Script::read("a.sql", "\n-- why\n-- more\nSELECT 1; -- no").opening_comment(),
            "\n-- why\n-- more\n");
  EXPECT_THAT(Script::read("a.sql", "SELECT 1;").opening_comment(), IsEmpty());
}

TEST(ScriptTest, changes_of_temporary_tables_are_marked) {
  const Script script = Script::read("a.sql", R"(
CREATE TEMP TABLE t (a int);
ALTER TABLE t ADD b int;
ALTER TABLE public.other ADD b int;
DROP TABLE t;
CREATE TABLE t (a int);
ALTER TABLE t ADD b int;
)");
  std::vector<std::vector<bool>> marks;
  for (const Statement& statement : script.sections().front().statements) {
    marks.emplace_back();
    for (const Change& change : statement.changes)
      marks.back().push_back(change.is_of_temporary);
  }
  const std::vector<std::vector<bool>> expected = {{true, true}, {true},         {false},
                                                   {true},       {false, false}, {false}};
  EXPECT_EQ(marks, expected);
}

} // namespace
} // namespace pgkeep::lint
