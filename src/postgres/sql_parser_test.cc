#include "postgres/sql_parser.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "base/json.h"

namespace pgkeep::postgres {
namespace {

TEST(SplitStatements, LeavesOutSemicolonsAndCommentsAround) {
  const std::string_view sql =
      "-- first\nselect 1; /* c */\n select ';' -- tail\n;\n;; do $$ begin; end $$ ;create rule r "
      "as on insert to t do also (select 1; select 2)";
  const auto parts = split_statements(sql);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 4U);
  const std::string_view want[] = {"select 1", "select ';'", "do $$ begin; end $$",
                                   "create rule r as on insert to t do also (select 1; select 2)"};
  for (std::size_t index = 0; index < 4; ++index) {
    EXPECT_EQ((*parts)[index].sql, want[index]);
    EXPECT_EQ(sql.substr((*parts)[index].offset, want[index].size()), want[index]);
  }
  EXPECT_TRUE(split_statements("")->empty());
  EXPECT_TRUE(split_statements(" -- nothing\n;").value().empty());
}

TEST(SplitStatements, CountsBytesAfterOtherLetters) {
  const auto parts = split_statements("select 'é€'; select 2");
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[1].offset, 16U);
  EXPECT_EQ((*parts)[1].sql, "select 2");
}

TEST(SplitStatements, KeepsUnicodeNamesAndTextsWhole) {
  const auto parts = split_statements("select U&\"a b\" ; select u&'c d' -- e");
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].sql, "select U&\"a b\"");
  EXPECT_EQ((*parts)[1].sql, "select u&'c d'");
}

TEST(SyntaxError, HasLineAndColumnInCharacters) {
  struct Case {
    std::string_view sql;
    std::string_view where;
  };
  for (const Case& c : {Case{"selec 1", "1:1"},
                        {"select 1;\nselect foo from from x", "2:17"},
                        {"select 'é' , é from t wher x = 1", "1:28"}}) {
    for (const auto& error : {split_statements(c.sql).error(), parse_to_json(c.sql).error(),
                              fingerprint(c.sql).error()}) {
      EXPECT_EQ(error.code, base::Code::unsupported);
      EXPECT_EQ(error.where, c.where) << c.sql;
      EXPECT_NE(error.what.find("syntax error"), std::string::npos) << error.what;
    }
  }
}

TEST(ParseToJson, IsJson) {
  const auto text = parse_to_json("select a from t");
  ASSERT_TRUE(text);
  const auto json = base::parse_json(*text);
  ASSERT_TRUE(json);
  ASSERT_NE(json->find("stmts"), nullptr);
  EXPECT_EQ(json->find("stmts")->as_array()->size(), 1U);
}

TEST(Normalize, LeavesNoConstant) {
  struct Case {
    std::string_view sql;
    std::string_view want;
  };
  const Case cases[] = {
      {"select * from t where a = 1 and b = 'x' limit 10",
       "select * from t where a = $1 and b = $2 limit $3"},
      {"alter role x password 'secret'", "alter role x password $1"},
      {"create subscription s connection 'password=b' publication p",
       "create subscription s connection $1 publication p"},
      {"create user mapping for x server s options (password 'b')",
       "create user mapping for x server s options (password $1)"},
      {"do $$ begin perform 'secret'; end $$", "do $1"},
      {"comment on table t is U&'secret'", "comment on table t is $1"},
      {"comment on table t is u&'a'\n  'b''c' -- d\n", "comment on table t is $1 -- d\n"},
      {"select $1, 'x'", "select $1, $2"},
      {"delete from t where a = -5; create subscription s connection 'b' publication p; (select 2)",
       "delete from t where a = -$1; create subscription s connection $2 publication p; (select "
       "$3)"},
      {"alter table t add column a numeric(10, 2) default 7",
       "alter table t add column a numeric(10, 2) default 7"},
      {"selec 'secret'", "selec ..."},
      {"'secret' select", "..."},
      {"", ""},
  };
  for (const Case& c : cases)
    EXPECT_EQ(normalize(c.sql), c.want) << c.sql;
}

TEST(Fingerprint, IsEqualForOtherConstantsOnly) {
  const auto print = [](std::string_view sql) {
    return fingerprint(sql).value_or(std::string("error"));
  };
  const std::string one = print("select * from t where id in (1, 2)");
  EXPECT_EQ(one.size(), 16U);
  EXPECT_EQ(one.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(print("SELECT * FROM t WHERE id IN (3,4,5) -- c"), one);
  EXPECT_NE(print("select * from u where id in (1, 2)"), one);
}

TEST(HostileText, IsRefusedAndNeverCut) {
  const std::string with_nul("select 1;\0drop table t", 22);
  EXPECT_EQ(split_statements(with_nul).error().where, "1:10");
  EXPECT_FALSE(fingerprint(with_nul));
  EXPECT_EQ(normalize(with_nul), "select ...");
  std::string deep = "select 1";
  for (int index = 0; index < 300'000; ++index)
    deep += "+1";
  std::string sets = "select 1, 2";
  for (int index = 0; index < 50'000; ++index)
    sets += " union select 1, 2";
  std::string comment = "select 1 ";
  for (int index = 0; index < 200'000; ++index)
    comment += "/*";
  const std::string parentheses = "select " + std::string(300'000, '(');
  for (const std::string& sql : {deep, sets, comment, parentheses}) {
    EXPECT_FALSE(parse_to_json(sql));
    EXPECT_FALSE(fingerprint(sql));
    EXPECT_EQ(normalize(sql), "select ...");
  }
}

TEST(HostileText, LongButFlatIsFine) {
  std::string values = "insert into t values (0)";
  for (int index = 0; index < 50'000; ++index)
    values += ",(-1)";
  EXPECT_TRUE(fingerprint(values));
  EXPECT_EQ(split_statements(values)->size(), 1U);
}

TEST(Threads, ParseAtTheSameTime) {
  std::vector<std::jthread> threads;
  std::array<std::string, 4> prints;
  for (std::string& print : prints) {
    threads.emplace_back([&print] {
      for (int round = 0; round < 100; ++round)
        print = fingerprint("select a from t where b = 1").value_or("error");
    });
  }
  threads.clear();
  for (const std::string& print : prints)
    EXPECT_EQ(print, prints.front());
  EXPECT_EQ(prints.front().size(), 16U);
}

} // namespace
} // namespace pgkeep::postgres
