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
  EXPECT_EQ(hints_in("select Pg_Advisory_Lock(1)"), kHintAdvisoryLock);
  EXPECT_EQ(hints_in("SELECT take() /* advisory */"), kHintAdvisoryLock);
  EXPECT_EQ(hints_in("SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)"), 0U);
  EXPECT_EQ(hints_in("SELECT pg_advisory_unlock_all()"), kHintLetGo);
  EXPECT_EQ(hints_in("SELECT pg_advisory_unlock(1), pg_try_advisory_lock(2)"),
            kHintLetGo | kHintAdvisoryLock);
  EXPECT_EQ(hints_in("CREATE TEMP TABLE x ()"), kHintTemporaryTable);
  EXPECT_EQ(hints_in("SELECT set_config('a.b', 'c', false)"), kHintSettings | kHintUser);
  EXPECT_EQ(hints_in("SELECT set_config('a','b',true), pg_try_advisory_lock(2)"),
            kHintSettings | kHintUser | kHintAdvisoryLock);
  EXPECT_EQ(hints_in("SELECT set_config($1, 'c', false)"),
            kHintSettings | kHintUser | kHintUnknown);
  EXPECT_EQ(hints_in("tem"), 0U);
  EXPECT_EQ(hints_in("advisor"), 0U);
  EXPECT_EQ(hints_in(""), 0U);
  const auto tag = [](std::string_view words) { return hints_of_tag(std::string(words) + '\0'); };
  EXPECT_EQ(tag("SET"), kHintSettings | kHintUser);
  EXPECT_EQ(tag("RESET"), kHintSettings | kHintUser);
  EXPECT_EQ(tag("DISCARD ALL"), kHintSettings | kHintUser | kHintLetGo);
  EXPECT_EQ(tag("PREPARE"), kHintPreparedStatement);
  EXPECT_EQ(tag("DROP TABLE"), kHintLetGo);
  EXPECT_EQ(tag("SELECT 1"), 0U);
  EXPECT_EQ(tag("PREPARE TRANSACTION"), 0U);
  EXPECT_EQ(hints_of_parameter("session_authorization"), kHintSettings | kHintUser);
  EXPECT_EQ(hints_of_parameter("is_superuser"), kHintSettings | kHintUser);
  EXPECT_EQ(hints_of_parameter("TimeZone"), 0U);
}

TEST(SessionHints, NameWhatMayBeHeld) {
  EXPECT_EQ(text_of_holds(holds_hinted_at(kHintAdvisoryLock | kHintLetGo | kHintUser)),
            "advisory lock");
  EXPECT_EQ(text_of_holds(holds_hinted_at(kHintTemporaryTable | kHintCursor)),
            "temporary table, cursor");
  EXPECT_EQ(text_of_holds(holds_hinted_at(kHintPreparedStatement)), "prepared statement");
  EXPECT_EQ(holds_hinted_at(kHintLetGo | kHintSettings), 0U);
  EXPECT_EQ(clean_ground_of(kHintLetGo | kHintPreparedStatement | kHintSettings), "");
  EXPECT_EQ(clean_ground_of(kHintAdvisoryLock | kHintTemporaryTable),
            "SELECT pg_catalog.pg_advisory_unlock_all();DISCARD TEMP;");
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
  EXPECT_EQ(custom_settings_in("set /* x /* y */ */ a . \"b\"=1;reset--\n a.c"),
            (Names{"a.b", "a.c"}));
  EXPECT_EQ(custom_settings_in("set_config\n( 'a.b' /**/, '', x) \"set_config\" (E'c.d',"),
            (Names{"a.b", "c.d"}));
}

TEST(SessionHints, TellWhereANameCannotBeRead) {
  for (const char* sql : {"set_config(name, 'x', false)", "set_config('a.' || 'b', 'x', false)",
                          "set_config(E'a\\x2e", "set_config(E'a\\x2eb', '', true)",
                          "set_config('a", "set_config(setting_name => 'a.b'", "set U&\"a\" = 1",
                          "SET \"a\"\"b\" = 1", "set a. = 1", "set \"a"})
    EXPECT_EQ(hints_in(sql) & kHintUnknown, kHintUnknown) << sql;
  for (const char* sql :
       {"set_config('a', 'x', false)", "SET a.b = 1", "set", "update t set (a, b) = (1, 2)",
        "offset $1", "reset all", "select set_config", "set\"a\".b=1"})
    EXPECT_EQ(hints_in(sql) & kHintUnknown, 0U) << sql;
  const std::string long_name = "set a." + std::string(200, 'x') + " = 1";
  EXPECT_EQ(hints_in(long_name) & kHintUnknown, kHintUnknown);
  const std::string comment = "/*" + std::string(2000, 'x') + "*/";
  for (const std::string& sql :
       {"set " + comment + " a.b = 1", "set a" + comment + ".b = 1", "set a." + comment + "b = 1",
        "set_config" + comment + "('a.b', '', true)", "set_config(" + comment + "'a.b', '', true)",
        "set_config('a.b'" + comment + ", '', true)", "set --" + comment + "\na.b = 1"})
    EXPECT_EQ(hints_in(sql) & kHintUnknown, kHintUnknown) << sql.substr(0, 20);
}

TEST(SessionHints, AreInPartsOfATextAsWell) {
  for (const char* part : {"set", "x SeT y", "offset", "xs", "xSE"})
    EXPECT_TRUE(may_set(part)) << part;
  for (const char* part : {"", "x", "st", "sex", "select 1"})
    EXPECT_FALSE(may_set(part)) << part;
}

TEST(SessionSettings, AreOfAsciiAlone) {
  EXPECT_EQ(escaped("it's"), "it's");
  EXPECT_EQ(escaped("a\\b"), "a\\\\b");
  EXPECT_EQ(escaped("\x95\x5c"), "\\225\\\\");
}

TEST(SessionQuestion, AsksForWhatIsHintedAt) {
  const auto asks = [](SessionHints hints) {
    const std::string sql = question_of(hints, {"TimeZone", "it's"}, {"a.b"}, {.user = "o'neill"});
    std::string found;
    for (const std::string_view part : {"pg_settings", "'TimeZone'", "'it''s'", "'a.b'",
                                        "session_user <> 'o''neill'", "pg_locks"}) {
      if (sql.find(part) != std::string::npos) found.append(part).append(" ");
    }
    return found;
  };
  EXPECT_EQ(asks(0), "");
  EXPECT_EQ(asks(kHintSettings), "pg_settings 'TimeZone' 'it''s' 'a.b' ");
  EXPECT_EQ(asks(kHintUser), "session_user <> 'o''neill' ");
  EXPECT_EQ(asks(kHintLetGo), "pg_locks ");
  EXPECT_EQ(asks(kHintCursor), "pg_locks ");
  EXPECT_EQ(asks(kHintSettings | kHintUser | kHintTakes),
            "pg_settings 'TimeZone' 'it''s' 'a.b' session_user <> 'o''neill' pg_locks ");
  const std::string of_any =
      question_of(kHintUser, {}, {}, {.user = "me", .connect_query = "SET ROLE r"});
  EXPECT_EQ(of_any.find("WHERE"), std::string::npos) << "whatever it began with";
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
  const auto sql = [](const SessionSettings& wanted, const SessionSettings& has) {
    return change_of(wanted, has, {});
  };
  EXPECT_EQ(sql({}, {}), "");
  EXPECT_EQ(sql({{"a.b", "it's"}}, {}), "SELECT pg_catalog.set_config('a.b','it''s',false);");
  EXPECT_EQ(sql({{"a.b", R"(\303\244)"}}, {}),
            R"(SELECT pg_catalog.set_config('a.b',pg_catalog.convert_from(pg_catalog.decode()"
            R"(E'\\303\\244', 'escape'), pg_catalog.getdatabaseencoding()),false);)");
  EXPECT_EQ(sql({}, {{"a.b", "x"}, {"work_mem", "1"}}), "RESET \"a\".\"b\";RESET \"work_mem\";");
  EXPECT_EQ(sql({{"role", "x"}, {"session_authorization", "y"}},
                {{"role", "x"}, {"session_authorization", "y"}}),
            "");
}

TEST(SessionChange, LetsTheUserOfTheLoginSetTheRest) {
  EXPECT_EQ(change_of({{"role", "new"}, {"x", "1"}}, {{"role", "old"}}, {}),
            "RESET ROLE;SELECT pg_catalog.set_config('x','1',false);"
            "SELECT pg_catalog.set_config('role','new',false);");
  EXPECT_EQ(change_of({{"role", "r"}, {"session_authorization", "u"}, {"x", "1"}},
                      {{"role", "r"}, {"session_authorization", "u"}}, {}),
            "RESET SESSION AUTHORIZATION;RESET ROLE;"
            "SELECT pg_catalog.set_config('x','1',false);"
            "SELECT pg_catalog.set_config('session_authorization','u',false);"
            "SELECT pg_catalog.set_config('role','r',false);");
  EXPECT_EQ(change_of({}, {{"session_authorization", "u"}}, {}),
            "RESET SESSION AUTHORIZATION;RESET ROLE;");
}

TEST(SessionChange, RunsTheConnectQueryAgainWhereSomethingIsReset) {
  const SessionOrigin origin = {.user = "me", .connect_query = "SET ROLE r -- for all"};
  EXPECT_EQ(change_of({{"x", "1"}}, {}, origin), "SELECT pg_catalog.set_config('x','1',false);");
  EXPECT_EQ(change_of({{"x", "1"}}, {{"role", "r"}, {"y", "2"}}, origin),
            "RESET ROLE;RESET \"y\";SET ROLE r -- for all\n;"
            "SELECT pg_catalog.set_config('x','1',false);");
}

/// What a server has once it was told this. As SQL has it, the role goes with the session's user.
SessionSettings told(SessionSettings server, std::string_view change) {
  for (std::string_view sql = change; !sql.empty();) {
    const std::string_view one = sql.substr(0, sql.find(';'));
    sql.remove_prefix(one.size() + 1);
    if (one == "RESET ROLE") {
      server.erase("role");
    } else if (one == "RESET SESSION AUTHORIZATION") {
      server.erase("session_authorization");
      server.erase("role");
    } else if (one.starts_with("RESET ")) {
      std::string name(one.substr(6));
      std::erase(name, '"');
      server.erase(name);
    } else {
      const std::size_t first = one.find('\'') + 1;
      const std::size_t second = one.find("','", first);
      const std::size_t end = one.find("',false)", second);
      const std::string name(one.substr(first, second - first));
      if (name == "session_authorization") server.erase("role");
      server[name] = one.substr(second + 3, end - second - 3);
    }
  }
  return server;
}

/// A server that is told the change has what is wanted, whatever both had before.
TEST(SessionChange, LeadsFromAnyToAny) {
  std::mt19937 random(42);
  const auto any = [&] {
    SessionSettings settings;
    for (const char* name : {"a", "b", "c.d", "role", "session_authorization"}) {
      if (random() % 2 == 0) settings[name] = std::to_string(random() % 3);
    }
    return settings;
  };
  for (int round = 0; round < 1000; ++round) {
    const SessionSettings wanted = any();
    const SessionSettings has = any();
    const std::string change = change_of(wanted, has, {});
    EXPECT_EQ(told(has, change), wanted) << change;
  }
}

} // namespace
} // namespace pgkeep::wire
