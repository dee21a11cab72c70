#include "wire/session_state.h"

#include <random>

#include <gtest/gtest.h>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

std::string row_of(std::initializer_list<std::string_view> columns) {
  std::string out;
  append_uint16(out, static_cast<std::uint16_t>(columns.size()));
  for (const std::string_view column : columns) {
    append_uint32(out, static_cast<std::uint32_t>(column.size()));
    out.append(column);
  }
  return out;
}

TEST(SessionHints, AreWordsAndTags) {
  EXPECT_EQ(hints_in("SELECT 1 FROM accounts"), 0U);
  EXPECT_EQ(hints_in("select Pg_Advisory_Lock(1)"), kHintHolds);
  EXPECT_EQ(hints_in("CREATE TEMP TABLE x ()"), kHintHolds);
  EXPECT_EQ(hints_in("SELECT set_config('a.b', 'c', false)"), kHintSettings);
  EXPECT_EQ(hints_in("SELECT set_config('a','b',true), pg_try_advisory_lock(2)"),
            kHintSettings | kHintHolds);
  EXPECT_EQ(hints_in("tem"), 0U);
  EXPECT_EQ(hints_in(""), 0U);
  const auto tag = [](std::string_view words) { return hints_of_tag(std::string(words) + '\0'); };
  EXPECT_EQ(tag("SET"), kHintSettings);
  EXPECT_EQ(tag("RESET"), kHintSettings);
  EXPECT_EQ(tag("DISCARD ALL"), kHintSettings | kHintHolds);
  EXPECT_EQ(tag("PREPARE"), kHintHolds);
  EXPECT_EQ(tag("DROP TABLE"), kHintHolds);
  EXPECT_EQ(tag("SELECT 1"), 0U);
  EXPECT_EQ(tag("PREPARE TRANSACTION"), 0U);
}

TEST(SessionHints, FindNamesWithAPrefix) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(custom_settings_in("SET app.user = 'x'"), Names{"app.user"});
  EXPECT_EQ(custom_settings_in("begin; set  session App.\"b\" to 1;reset a.c; SET LOCAL x.y=2"),
            (Names{"App.b", "a.c", "x.y"}));
  EXPECT_EQ(custom_settings_in("SELECT set_config('a.b', $1, false), Set_Config ('c.d','',true)"),
            (Names{"a.b", "c.d"}));
  EXPECT_EQ(
      custom_settings_in("SET work_mem = 1; RESET ALL; offset a.b; SELECT set_config($1,'',true)"),
      Names{});
  EXPECT_EQ(custom_settings_in("SELECT set_config('a"), Names{});
  EXPECT_EQ(custom_settings_in("set"), Names{});
}

TEST(SessionQuestion, AsksForWhatIsHintedAt) {
  EXPECT_EQ(question_of(kHintHolds, {}, {}).find("pg_settings"), std::string::npos);
  EXPECT_EQ(question_of(kHintSettings, {}, {}).find("pg_locks"), std::string::npos);
  const std::string both = question_of(kHintSettings | kHintHolds, {"TimeZone", "it's"}, {"a.b"});
  EXPECT_NE(both.find("'TimeZone'"), std::string::npos);
  EXPECT_NE(both.find("'it''s'"), std::string::npos);
  EXPECT_NE(both.find("pg_locks"), std::string::npos);
  EXPECT_NE(both.find("'a.b'"), std::string::npos);
}

TEST(SessionAnswer, ComesInRowsAndParts) {
  SessionAnswer answer;
  for (const std::string& row :
       {row_of({"setting", "work_mem", "65536"}), row_of({"hold", "advisory lock", ""}),
        row_of({"setting", "role", "boss"}), row_of({"hold", "cursor", ""})}) {
    for (std::size_t i = 0; i < row.size(); ++i)
      ASSERT_TRUE(answer.take_row(row.substr(i, 1), i + 1 == row.size()));
  }
  EXPECT_EQ(answer.settings(), (SessionSettings{{"work_mem", "65536"}, {"role", "boss"}}));
  EXPECT_EQ(text_of_holds(answer.holds()), "advisory lock, cursor");
}

TEST(SessionAnswer, RefusesWhatItIsNot) {
  for (const std::string& row :
       {std::string(), row_of({"setting", "a"}), row_of({"other", "a", "b"}),
        row_of({"hold", "a", "b"}) + "x", row_of({"hold", "a", "b"}).substr(0, 9)})
    EXPECT_FALSE(SessionAnswer().take_row(row, true));
  SessionAnswer answer;
  EXPECT_FALSE(answer.take_row(std::string(SessionAnswer::kBytesMax + 1, 'x'), false));
}

TEST(SessionChange, SaysWhatDiffers) {
  EXPECT_EQ(change_of(SessionSettings{}, SessionSettings{}), "");
  EXPECT_EQ(change_of({{"a.b", "it's"}}, {}), "SELECT pg_catalog.set_config('a.b','it''s',false);");
  EXPECT_EQ(change_of({}, {{"a.b", "x"}, {"work_mem", "1"}}),
            "RESET \"a\".\"b\";RESET \"work_mem\";");
  EXPECT_EQ(change_of({{"role", "new"}, {"x", "1"}}, {{"role", "old"}}),
            "RESET ROLE;SELECT pg_catalog.set_config('x','1',false);"
            "SELECT pg_catalog.set_config('role','new',false);");
}

/// A server that is told the change has what is wanted, whatever both had before.
TEST(SessionChange, LeadsFromAnyToAny) {
  std::mt19937 random(42);
  const auto any = [&] {
    SessionSettings settings;
    for (const char* name : {"a", "b", "c.d", "role"}) {
      if (random() % 2 == 0) settings[name] = std::to_string(random() % 3);
    }
    return settings;
  };
  for (int round = 0; round < 1000; ++round) {
    const SessionSettings wanted = any();
    const SessionSettings has = any();
    SessionSettings server = has;
    std::string_view sql = std::string_view();
    const std::string change = change_of(wanted, has);
    for (sql = change; !sql.empty();) {
      const std::string_view one = sql.substr(0, sql.find(';'));
      sql.remove_prefix(one.size() + 1);
      if (one == "RESET ROLE") {
        server.erase("role");
      } else if (one.starts_with("RESET ")) {
        std::string name(one.substr(6));
        std::erase(name, '"');
        server.erase(name);
      } else {
        const std::size_t first = one.find('\'') + 1;
        const std::size_t second = one.find("','", first);
        const std::size_t end = one.find("',false)", second);
        server[std::string(one.substr(first, second - first))] =
            one.substr(second + 3, end - second - 3);
      }
    }
    EXPECT_EQ(server, wanted) << change;
  }
}

} // namespace
} // namespace pgkeep::wire
