#include "pool/settings.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

TEST(PoolSettings, EachIsShownAsItsDefaultSays) {
  const Settings settings;
  for (const SettingRow& row : setting_rows()) {
    EXPECT_EQ(shown(settings, row), row.fallback) << row.name;
    EXPECT_EQ(find_setting(row.name), &row);
  }
  EXPECT_EQ(find_setting("LISTEN_PORT"), nullptr) << "names are as they are written";
}

TEST(PoolSettings, ValuesAreReadAsPgbouncerReadsThem) {
  struct ReadValue {
    std::string_view name;
    std::string_view value;
    std::string_view want; ///< As it is shown; "!": refused.
  };
  const ReadValue cases[] = {
      {"server_lifetime", "1.5", "1.5"},
      {"server_lifetime", "-1", "!"},
      {"server_lifetime", "1h", "!"},
      {"server_lifetime", "", "!"},
      {"server_lifetime", "nan", "!"},
      {"server_lifetime", "1e30", "!"},
      {"max_client_conn", "0x10", "16"},
      {"max_client_conn", "010", "8"},
      {"max_client_conn", "10k", "!"},
      {"max_client_conn", "--5", "!"},
      {"max_client_conn", "-5", "!"}, // PgBouncer takes it, and then any client is one too many.
      {"max_client_conn", "99999999999999999999", "!"},
      {"max_db_connections", "-1", "-1"},
      {"log_connections", "true", "!"},
      {"log_connections", "0", "0"},
      {"log_stats", "0  ; a comment", "!"},
      {"pool_mode", "Transaction", "transaction"},
      {"pool_mode", "bad", "!"},
      {"auth_type", "scram-sha-256", "scram-sha-256"},
      {"client_tls_sslmode", "verify-ca", "verify-ca"},
      {"client_tls_sslmode", "none", "!"},
      {"unix_socket_mode", "0700", "0700"},
      {"peer_id", "16384", "!"},
      {"listen_port", "0", "!"},
      {"auth_query", "SELECT 1", "SELECT 1"},
  };
  for (const ReadValue& each : cases) {
    Settings settings;
    const auto done = set(settings, each.name, each.value);
    EXPECT_EQ(done.has_value(), each.want != "!") << each.name << " = " << each.value;
    if (done) {
      EXPECT_EQ(shown(settings, *find_setting(each.name)), each.want);
    } else {
      EXPECT_FALSE(done.error().expected.empty()) << each.name;
    }
  }
}

TEST(PoolSettings, AnUnknownNameGetsTheNearest) {
  Settings settings;
  const auto done = set(settings, "max_client_con", "5");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "unknown parameter: pgbouncer/max_client_con");
  EXPECT_EQ(done.error().hint, "Did you mean max_client_conn?");
}

} // namespace
} // namespace pgkeep::pool
