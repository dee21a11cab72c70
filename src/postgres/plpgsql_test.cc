#include "postgres/plpgsql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeep::postgres {
namespace {

using testing::ElementsAre;

std::vector<std::string> texts_of(std::string_view definition) {
  const auto statements = plpgsql_statements(definition);
  EXPECT_TRUE(statements) << base::to_line(statements.error());
  std::vector<std::string> texts;
  for (const PlpgsqlStatement& each : *statements)
    texts.push_back(std::to_string(each.line) + (each.is_dynamic ? " EXECUTE " : " ") + each.sql);
  return texts;
}

TEST(PlpgsqlTest, finds_what_a_block_runs) {
  EXPECT_THAT(
      texts_of("DO $$\nDECLARE r record;\nBEGIN\n  ALTER TABLE a ADD b int;\n"
               "  FOR r IN SELECT c FROM d LOOP\n    EXECUTE 'DROP TABLE ' || r.c;\n"
               "    PERFORM f(r.c);\n  END LOOP;\n  IF r.c > 1 THEN\n    UPDATE t SET a = 1;\n"
               "  END IF;\nEXCEPTION WHEN OTHERS THEN\n  DELETE FROM t;\nEND $$"),
      ElementsAre("4 ALTER TABLE a ADD b int", "5 SELECT c FROM d",
                  "6 EXECUTE 'DROP TABLE ' || r.c", "7 SELECT f(r.c)", "10 UPDATE t SET a = 1",
                  "13 DELETE FROM t"));
}

TEST(PlpgsqlTest, finds_what_a_function_runs) {
  EXPECT_THAT(texts_of("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin\n"
                       "insert into log values (new.*); return new; end'"),
              ElementsAre("2 insert into log values (new.*)"));
}

TEST(PlpgsqlTest, says_what_it_cannot_read) {
  EXPECT_FALSE(plpgsql_statements("DO $$ BEGIN nonsense here; END $$"));
  EXPECT_FALSE(plpgsql_statements("DO $$ BEGIN"));
}

} // namespace
} // namespace pgkeep::postgres
