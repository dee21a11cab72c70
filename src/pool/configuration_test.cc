#include "pool/configuration.h"

#include <chrono>

#include <fmt/format.h>
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

TEST(PoolConfiguration, NumbersOfOptionsAreReadAsAtoiReadsThem) {
  const auto all = configured(
      "[databases]\n"
      "a = pool_size=20; min_pool_size=010 port=5433, server_lifetime=15s max_db_connections=+5\n"
      "b = pool_size=-1 max_db_connections=-1 query_wait_timeout=-2 server_lifetime=-1\n"
      "c = pool_size=0 min_pool_size=0 reserve_pool=0 query_wait_timeout=0\n"
      "d = max_db_connections=0 max_db_client_connections=0 server_lifetime=0\n"
      "e = load_balance_hosts=Disable target_session_attrs=Read-Write pool_mode=Session\n"
      "[users]\n"
      "u = max_user_connections=0 max_user_client_connections=-1 query_timeout=0 "
      "idle_transaction_timeout=0 transaction_timeout=-1 client_idle_timeout=0 pool_size=0\n"
      "[pgbouncer]\nmax_db_connections = -1\n");
  ASSERT_TRUE(all) << all.error().what << all.error().where;
  std::vector<std::string> problems;
  for (const FileProblem& each : all->problems)
    problems.push_back(each.text());
  const std::string behind = "behind the number counts for nothing";
  EXPECT_EQ(problems, (std::vector<std::string>{"x.ini:2: pool_size=20;: \";\" " + behind,
                                                "x.ini:2: port=5433,: \",\" " + behind,
                                                "x.ini:2: server_lifetime=15s: \"s\" " + behind}));
  const Overrides& a = all->database("a")->own;
  EXPECT_EQ(a.pool_size, 20);
  EXPECT_EQ(a.min_pool_size, 10);
  EXPECT_EQ(a.max_connections, 5);
  EXPECT_EQ(a.server_lifetime, Duration(std::chrono::seconds(15)));
  EXPECT_EQ(all->database("a")->port, 5433);
  const Overrides& b = all->database("b")->own;
  EXPECT_FALSE(b.pool_size || b.max_connections || b.query_wait_timeout);
  EXPECT_EQ(b.server_lifetime, kNever);
  const Overrides& c = all->database("c")->own;
  EXPECT_EQ(c.pool_size, 0);
  EXPECT_EQ(c.min_pool_size, 0);
  EXPECT_EQ(c.reserve_pool_size, 0);
  EXPECT_EQ(c.query_wait_timeout, Duration(0));
  const Overrides& d = all->database("d")->own;
  EXPECT_FALSE(d.max_connections || d.max_client_connections || d.server_lifetime);
  EXPECT_EQ(all->database("e")->load_balance_hosts, LoadBalance::disable);
  EXPECT_EQ(all->database("e")->target_session_attrs, SessionAttributes::read_write);
  const Overrides& u = all->user("u")->own;
  EXPECT_FALSE(u.max_connections || u.max_client_connections || u.query_timeout ||
               u.idle_transaction_timeout || u.client_idle_timeout);
  EXPECT_EQ(u.transaction_timeout, kNever);
  EXPECT_EQ(u.pool_size, 0);
  EXPECT_EQ(all->settings.max_db_connections, -1);
}

TEST(PoolConfiguration, PasswordsAreNotInErrors) {
  const auto all = configured("[databases]\na = password=hunter2 nonsense=1");
  ASSERT_FALSE(all);
  EXPECT_EQ(base::to_line(all.error()).find("hunter2"), std::string::npos);
}

TEST(UserList, NamesAndSecrets) {
  const UserList list = users_in("\"alice\" \"pass\"\n; a comment\n\n"
                                 "\"odd \"\"one\" \"md5x\" and what nobody reads\n"
                                 "  \"bob\"\t\"\"\r\n\"carol\" is \"well\"\n\"alice\" \"newer\"");
  EXPECT_TRUE(list.skipped.empty());
  EXPECT_FALSE(list.end);
  ASSERT_EQ(list.users.size(), 4U);
  EXPECT_EQ(list.users.at("alice").reveal(), "newer");
  EXPECT_EQ(list.users.at("odd \"one").reveal(), "md5x");
  EXPECT_EQ(list.users.at("bob").reveal(), "");
  EXPECT_EQ(list.users.at("carol").reveal(), "well");
}

TEST(UserList, OfAHundredThousandTakesNoMinutes) {
  std::string text;
  for (int i = 0; i < 100'000; ++i)
    text += fmt::format("\"user{0}@example.org\" \"secret{0}\"\n", i);
  const auto begin = std::chrono::steady_clock::now();
  const UserList list = users_in(text);
  // It takes a tenth of a second; a look at all for each took more than a minute.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  ASSERT_EQ(list.users.size(), 100'000U);
  EXPECT_EQ(list.users.at("user99999@example.org").reveal(), "secret99999");
}

TEST(UserList, MistakesHaveTheirLineAndNoSecret) {
  struct WrongLine {
    std::string_view text;
    std::string_view what;
    bool is_end;
  };
  const WrongLine lines[] = {
      {"\"alice\" secret", "a user without a password", false},
      {"\"alice\"", "a user without a password", false},
      {"\"alice\" \"secret", "a user without a password", false},
      {"\"\" \"secret\"", "a user without a name", false},
      {"alice \"secret\"", "broken auth file", true},
      {"\"alice secret", "broken auth file", true},
  };
  for (const WrongLine& each : lines) {
    const UserList list = users_in(fmt::format("\"first\" \"1\"\n{}\n\"last\" \"2\"\n", each.text));
    EXPECT_EQ(list.users.size(), each.is_end ? 1U : 2U) << each.text;
    EXPECT_EQ(list.users.contains("last"), !each.is_end) << each.text;
    EXPECT_EQ(list.skipped.empty(), each.is_end) << each.text;
    const LineProblem problem = list.end ? *list.end : list.skipped.front();
    EXPECT_EQ(problem, (LineProblem{.line = 2, .what = std::string(each.what)})) << each.text;
  }
}

} // namespace
} // namespace pgkeep::pool
