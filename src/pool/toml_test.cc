#include "pool/toml.h"

#include <gtest/gtest.h>

#include <map>

#include <fmt/format.h>

#include "base/error.h"

namespace pgkeep::pool {
namespace {

ReadText reads(const std::string& text) {
  return [text](const std::string&) -> base::Result<std::string> { return text; };
}

/// A value that is not the setting's default.
std::string other_value(const SettingRow& row) {
  static const std::map<std::string_view, std::string> kWords = {
      {"pool_mode", "statement"},
      {"auth_type", "scram-sha-256"},
      {"client_tls_sslmode", "verify-full"},
      {"server_tls_sslmode", "disable"},
      {"unix_socket_mode", "0750"},
  };
  if (const auto word = kWords.find(row.name); word != kWords.end()) return word->second;
  if (std::holds_alternative<bool Settings::*>(row.member)) return row.fallback == "1" ? "0" : "1";
  if (std::holds_alternative<Duration Settings::*>(row.member)) return "1.001003";
  if (std::holds_alternative<std::int64_t Settings::*>(row.member))
    return std::to_string(std::max<std::int64_t>(row.number_min, 7));
  return "a \"b\" \\c, 'd' = \xC3\xA9";
}

std::string option_value(const OptionRow& option) {
  static const std::map<std::string_view, std::string> kWords = {
      {"pool_mode", "session"},
      {"load_balance_hosts", "disable"},
      {"target_session_attrs", "read-write"},
      {"host", "db1,db2"},
  };
  if (const auto word = kWords.find(option.name); word != kWords.end()) return word->second;
  if (option.kind == OptionKind::number) return "9";
  if (option.kind == OptionKind::duration) return "0.25";
  return "'it''s \"x\" \\'";
}

std::string options_text(std::span<const OptionRow> rows) {
  std::string text;
  for (const OptionRow& row : rows)
    text += std::string(row.name) + "=" + option_value(row) + " ";
  return text;
}

/// All that the configuration says, one a line.
std::string all_of(const Configuration& configuration) {
  std::string text;
  const auto add = [&](std::string_view name, const auto& value) {
    text += fmt::format("{}={}\n", name, value);
  };
  for (const SettingRow& row : setting_rows()) {
    if (row.name != "conffile") add(row.name, shown(configuration.settings, row));
  }
  const auto add_own = [&](const Overrides& own) {
    const auto number = [](const auto& value) { return value ? *value : -1; };
    const auto time = [](const auto& value) { return value ? value->count() : -1; };
    text += fmt::format(
        "{} {} {} {} {} {} {} {} {} {} {} {}\n", number(own.pool_size), number(own.min_pool_size),
        number(own.reserve_pool_size), own.pool_mode ? name_of(*own.pool_mode) : "",
        number(own.max_connections), number(own.max_client_connections), time(own.server_lifetime),
        time(own.query_timeout), time(own.query_wait_timeout), time(own.idle_transaction_timeout),
        time(own.transaction_timeout), time(own.client_idle_timeout));
  };
  for (const DatabaseDefinition& each : configuration.databases) {
    text += fmt::format(
        "{} {} {} {} {} {} {} {} {} {} {} {}\n", each.name, each.dbname, fmt::join(each.hosts, "|"),
        each.port, each.user, each.password.reveal(), each.auth_user.value_or("-"),
        each.auth_query.value_or("-"), each.auth_dbname.value_or("-"), each.connect_query,
        static_cast<int>(each.load_balance_hosts), static_cast<int>(each.target_session_attrs));
    for (const auto& [name, value] : each.startup)
      add(name, value);
    add_own(each.own);
  }
  for (const UserDefinition& each : configuration.users) {
    add("user", each.name);
    add_own(each.own);
  }
  for (const PeerDefinition& each : configuration.peers)
    text +=
        fmt::format("{} {} {} {}\n", each.id, each.host, each.port, each.pool_size.value_or(-1));
  return text;
}

std::string error_of(const std::string& toml) {
  const auto read = configuration_in_toml(toml, "pgkeep.toml");
  return read ? "" : to_line(read.error()).substr(std::string_view("error: ").size());
}

TEST(PoolToml, EveryKeyOfAnIniSurvivesTheWayThere) {
  std::string ini = "[pgbouncer]\n";
  for (const SettingRow& row : setting_rows())
    ini += fmt::format("{} = {}\n", row.name, other_value(row));
  ini += "[databases]\nplain =\n* = port=1\nall = " + options_text(database_options()) +
         "\n\"odd \"\"name\"\" with.dots\" = host=/tmp reserve_pool=4 query_wait_timeout=-1 "
         "pool_size=8 pool_size=-1 min_pool_size=010, server_lifetime=-1 max_db_connections=0\n"
         "plain = host=twice\n[users]\nalice = " +
         options_text(user_options()) + "\n[peers]\n3 = " + options_text(peer_options()) + "\n";
  const auto from_ini = read_configuration("pool.ini", reads(ini));
  ASSERT_TRUE(from_ini) << to_line(from_ini.error());
  const auto toml = toml_of_ini("pool.ini", reads(ini));
  ASSERT_TRUE(toml) << to_line(toml.error());
  const auto from_toml = read_configuration("pgkeep.toml", reads(*toml));
  ASSERT_TRUE(from_toml) << to_line(from_toml.error()) << "\n" << *toml;
  EXPECT_EQ(all_of(*from_ini), all_of(*from_toml)) << *toml;
  // What the text says differs from the defaults in every key: none can get lost unseen.
  const Settings defaults;
  for (const SettingRow& row : setting_rows()) {
    if (row.name == "conffile") continue;
    EXPECT_NE(shown(from_toml->settings, row), shown(defaults, row)) << row.name;
  }
}

TEST(PoolToml, CannotHoldEveryEncoding) {
  const auto toml = toml_of_ini("pool.ini", reads("[databases]\na = host=h\nb = host=\xE9\n"));
  ASSERT_FALSE(toml);
  EXPECT_EQ(toml.error().where, "pool.ini:3");
}

TEST(PoolToml, TellsWhatItLoses) {
  const auto lost = lost_in_toml(
      "pool.ini",
      reads("[databases]\nconffile = host=h\n[pgbouncer]\nconffile = /x\npkt_buf = 1\n"));
  ASSERT_TRUE(lost);
  ASSERT_EQ(lost->size(), 1U);
  EXPECT_EQ(lost->front().text(),
            "pool.ini:4: conffile is left out: what is read again is the file "
            "that the pooler was started with");
}

TEST(PoolToml, ReadsItsOwnForm) {
  const auto read =
      configuration_in_toml("[audit]\nnobodys = 1\n"
                            "[pool]\nlisten_port = 7000\nserver_lifetime = \"1h\"\n"
                            "log_stats = false\nunix_socket_mode = \"0700\"\n"
                            "[pool.databases.shop]\nhost = \"db\"\npool_size = 3\n"
                            "query_wait_timeout = \"250ms\"\n[pool.databases.\"*\"]\n",
                            "pgkeep.toml");
  ASSERT_TRUE(read) << to_line(read.error());
  EXPECT_EQ(read->settings.listen_port, 7000);
  EXPECT_EQ(read->settings.server_lifetime, Duration(std::chrono::hours(1)));
  EXPECT_FALSE(read->settings.log_stats);
  EXPECT_EQ(read->settings.unix_socket_mode, 0700);
  EXPECT_EQ(read->settings.conffile, "pgkeep.toml");
  ASSERT_EQ(read->databases.size(), 2U);
  EXPECT_EQ(read->database("shop")->own.query_wait_timeout, Duration(250'000));
  EXPECT_EQ(read->database("other")->name, "*");
}

TEST(PoolToml, MistakesAreToldAtTheirPlace) {
  EXPECT_EQ(error_of("[pool]\nlisten_prot = 1\n").substr(0, 51),
            "pgkeep.toml:2:1: unknown key \"pool.listen_prot\" (ex");
  EXPECT_EQ(error_of("[pool]\nserver_lifetime = 15\n"),
            "pgkeep.toml:2:19: server_lifetime is a whole number (expected a duration in quotes, "
            "such as \"2s\")");
  EXPECT_EQ(error_of("[pool]\nlisten_port = 70000\n"),
            "pgkeep.toml:2:15: invalid value \"70000\" for parameter listen_port (expected a whole "
            "number from 1 to 65535)");
  EXPECT_EQ(error_of("[pool.databases.a]\nhost = \"x\"\n\npool_mode = \"wild\"\n").substr(0, 19),
            "pgkeep.toml:4:13: i");
  EXPECT_EQ(error_of("[pool.databases]\na = \"host=x\"\n"),
            "pgkeep.toml:2:5: pool.databases.a is a text (expected a section, headed "
            "[pool.databases.a])");
  EXPECT_EQ(error_of("[pool.databases.pgbouncer]\n").substr(0, 18), "pgkeep.toml:1:17: ");
  EXPECT_EQ(error_of("[pool.peers.x]\n").substr(0, 18), "pgkeep.toml:1:13: ");
}

} // namespace
} // namespace pgkeep::pool
