#include "postgres/session_settings.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pgkeep::postgres {
namespace {

std::string value_of(const std::vector<Setting>& settings, std::string_view name) {
  const auto found = std::ranges::find(settings, name, &Setting::name);
  return found == settings.end() ? "(none)" : found->value;
}

TEST(SessionSettings, FollowTheOptions) {
  const auto usual = settings_for({});
  EXPECT_EQ(value_of(usual, "statement_timeout"), "30000ms");
  EXPECT_EQ(value_of(usual, "lock_timeout"), "2000ms");
  EXPECT_EQ(value_of(usual, "default_transaction_read_only"), "on");
  const auto writing = settings_for({.read_only = false,
                                     .statement_limit = std::nullopt,
                                     .lock_limit = std::chrono::milliseconds{1}});
  EXPECT_EQ(value_of(writing, "statement_timeout"), "0ms");
  EXPECT_EQ(value_of(writing, "lock_timeout"), "1ms");
  EXPECT_EQ(value_of(writing, "default_transaction_read_only"), "(none)");
}

TEST(SessionSettings, AreWrittenForSessionAndTransaction) {
  const std::vector<Setting> settings = {{"DateStyle", "ISO"},
                                         {"default_transaction_read_only", "on"}};
  EXPECT_EQ(session_statement(settings, 42),
            "SELECT pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.<>) 42"
            ", pg_catalog.set_config('DateStyle', 'ISO', pg_catalog.pg_backend_pid() "
            "OPERATOR(pg_catalog.<>) 42)"
            ", pg_catalog.set_config('default_transaction_read_only', 'on', "
            "pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.<>) 42)");
  EXPECT_EQ(local_statements(settings), "SET LOCAL DateStyle = 'ISO';SET TRANSACTION READ ONLY;");
}

TEST(SessionSettings, KnowTheBeginOfATransaction) {
  for (const std::string_view sql : {"BEGIN", "begin;", " \n Start Transaction",
                                     "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"})
    EXPECT_TRUE(begins_transaction(sql)) << sql;
  for (const std::string_view sql : {"", "SELECT 1", "beginning", "COMMIT", "(BEGIN"})
    EXPECT_FALSE(begins_transaction(sql)) << sql;
}

} // namespace
} // namespace pgkeep::postgres
