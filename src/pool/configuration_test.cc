#include "pool/configuration.h"

#include <gtest/gtest.h>

#include "pool/user_list.h"

namespace pgkeep::pool {
namespace {

base::Result<Configuration> configured(const std::string& text) {
  return read_configuration("x.ini",
                            [&](const std::string&) -> base::Result<std::string> { return text; });
}

TEST(PoolConfiguration, HasDatabasesUsersPeersAndSettings) {
  const auto all = configured(
      "[databases]\n"
      "shop = host=db1.example.com,db2.example.com port=5433 dbname=prod user=app password='it''s' "
      "pool_size=7 reserve_pool=2 pool_mode=transaction query_wait_timeout=-1 server_lifetime=60 "
      "timezone=UTC timezone=Europe/Berlin target_session_attrs=primary connect_query='SELECT 1'\n"
      "* =\n"
      "[users]\nalice = pool_mode=session max_user_connections=3 query_timeout=1.5\n"
      "[peers]\n2 = host=/tmp/other pool_size=5\n"
      "[pgbouncer]\nlisten_port = 7000\n");
  ASSERT_TRUE(all) << all.error().what << all.error().where;
  const DatabaseDefinition* const shop = all->database("shop");
  ASSERT_NE(shop, nullptr);
  EXPECT_EQ(shop->hosts, (std::vector<std::string>{"db1.example.com", "db2.example.com"}));
  EXPECT_EQ(shop->port, 5433);
  EXPECT_EQ(shop->dbname, "prod");
  EXPECT_EQ(shop->user, "app");
  EXPECT_EQ(shop->password.reveal(), "it's");
  EXPECT_EQ(shop->own.pool_size, 7);
  EXPECT_EQ(shop->own.reserve_pool_size, 2);
  EXPECT_EQ(shop->own.pool_mode, PoolMode::transaction);
  EXPECT_EQ(shop->own.query_wait_timeout, std::nullopt);
  EXPECT_EQ(shop->own.server_lifetime, Duration(std::chrono::seconds(60)));
  EXPECT_EQ(shop->target_session_attrs, SessionAttributes::primary);
  EXPECT_EQ(shop->connect_query, "SELECT 1");
  ASSERT_EQ(shop->startup.size(), 1U);
  EXPECT_EQ(shop->startup[0].second, "Europe/Berlin");
  ASSERT_NE(all->database("anything"), nullptr);
  EXPECT_EQ(all->database("anything")->name, "*");
  ASSERT_NE(all->user("alice"), nullptr);
  EXPECT_EQ(all->user("alice")->own.max_connections, 3);
  EXPECT_EQ(all->user("alice")->own.query_timeout, Duration(1'500'000));
  EXPECT_EQ(all->user("bob"), nullptr);
  ASSERT_EQ(all->peers.size(), 1U);
  EXPECT_EQ(all->peers[0].id, 2);
  EXPECT_EQ(all->peers[0].port, 6432);
  EXPECT_EQ(all->settings.listen_port, 7000);
  EXPECT_EQ(all->settings.conffile, "x.ini");
}

TEST(PoolConfiguration, OfOneNameTheLastCounts) {
  const auto all = configured("[databases]\na = port=1\nb = port=2\na = port=3\n");
  ASSERT_TRUE(all);
  ASSERT_EQ(all->databases.size(), 2U);
  EXPECT_EQ(all->database("a")->port, 3);
  EXPECT_EQ(all->database("c"), nullptr) << "there is no fallback";
}

TEST(PoolConfiguration, MistakesAreSaidInPgbouncersWords) {
  struct WrongLine {
    std::string text;
    std::string_view what;
  };
  const WrongLine lines[] = {
      {"[databases]\na = nonsense=1", "unrecognized connection parameter: nonsense"},
      {"[databases]\na = host", "syntax error in connection string"},
      {"[databases]\npgbouncer = host=/tmp", "database name \"pgbouncer\" is reserved"},
      {"[databases]\na = port=0", "invalid port: 0"},
      {"[databases]\na = port=abc", "invalid port: abc"},
      {"[databases]\na = pool_mode=bad", "invalid pool mode: bad"},
      {"[databases]\na = pool_size=x", "invalid pool size: x"},
      {"[databases]\na = host=a,,b", "invalid host list: a,,b"},
      {"[databases]\na = target_session_attrs=prefer-standby",
       "invalid target_session_attrs: prefer-standby"},
      {"[users]\nu = nonsense=1", "unrecognized user parameter: nonsense"},
      {"[users]\nu = pool_mode=bad", "invalid pool mode: bad"},
      {"[peers]\n0 = host=/tmp", "invalid peer id: 0"},
      {"[peers]\n1 = user=x", "unrecognized peer parameter: user"},
      {"[weird]\nx = 1", "invalid section \"weird\" in configuration"},
      {"[pgbouncer]\nnonsense = 1", "unknown parameter: pgbouncer/nonsense"},
      {"[pgbouncer]\npool_mode = bad", "invalid value \"bad\" for parameter pool_mode"},
  };
  for (const WrongLine& each : lines) {
    const auto all = configured(each.text);
    ASSERT_FALSE(all) << each.text;
    EXPECT_EQ(all.error().what, each.what);
    EXPECT_EQ(all.error().where, "x.ini:2") << each.text;
  }
}

TEST(PoolConfiguration, PasswordsAreNotInErrors) {
  const auto all = configured("[databases]\na = password=hunter2 nonsense=1");
  ASSERT_FALSE(all);
  EXPECT_EQ(base::to_line(all.error()).find("hunter2"), std::string::npos);
}

TEST(UserList, NamesAndSecrets) {
  const auto users = users_in("\"alice\" \"pass\"\n; a comment\n\n"
                              "\"odd \"\"one\" \"md5x\" and what nobody reads\n"
                              "  \"bob\"\t\"\"\r\n\"alice\" \"newer\"",
                              "users.txt");
  ASSERT_TRUE(users) << users.error().where;
  ASSERT_EQ(users->size(), 3U);
  EXPECT_EQ((*users)[0].stored.reveal(), "newer");
  EXPECT_EQ((*users)[1].name, "odd \"one");
  EXPECT_EQ((*users)[2].stored.reveal(), "");
}

TEST(UserList, MistakesHaveTheirLineAndNoSecret) {
  for (const std::string_view text : {"\n\"alice\" secret", "\n\"alice\"", "\nalice \"secret\"",
                                      "\n\"alice\" \"secret", "\n\"\" \"secret\""}) {
    const auto users = users_in(text, "users.txt");
    ASSERT_FALSE(users) << text;
    EXPECT_EQ(users.error().what, "broken auth file");
    EXPECT_EQ(users.error().where, "users.txt:2");
    EXPECT_EQ(base::to_line(users.error()).find("secret"), std::string::npos);
  }
}

} // namespace
} // namespace pgkeep::pool
