#include "pool/auth_query.h"

#include <gtest/gtest.h>

#include "wire/bytes.h"
#include "wire/error_fields.h"

namespace pgkeep::pool {
namespace {

using Answer = AuthAnswer::State;

std::string described(std::uint16_t columns) {
  std::string out;
  wire::MessageWriter(out, wire::from_server::kRowDescription).uint16(columns);
  return out;
}

std::string row_of(const std::vector<std::optional<std::string>>& values) {
  std::string out;
  wire::MessageWriter message(out, wire::from_server::kDataRow);
  message.uint16(static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    message.uint32(value ? static_cast<std::uint32_t>(value->size()) : 0xffffffffU);
    message.bytes(value.value_or(""));
  }
  return out;
}

std::string ready() {
  std::string out;
  wire::append_ready_for_query(out, wire::TransactionStatus::idle);
  return out;
}

TEST(AuthQuery, BindsTheNameOfTheUser) {
  const std::string said = auth_question("SELECT $1", "o'neill");
  EXPECT_NE(said.find("SELECT $1"), std::string::npos);
  EXPECT_NE(said.find("o'neill"), std::string::npos);
  EXPECT_EQ(said.find("o'neill", said.find("o'neill") + 1), std::string::npos);
  EXPECT_EQ(said.back(), '\x04'); // Sync is the last.
}

TEST(AuthQuery, FindsAUser) {
  AuthAnswer answer;
  const std::string all = described(2) + row_of({"app", "secret"}) + ready();
  for (const char& c : all.substr(0, all.size() - 1))
    EXPECT_EQ(answer.feed({&c, 1}), Answer::more);
  EXPECT_EQ(answer.feed(all.substr(all.size() - 1)), Answer::done);
  ASSERT_TRUE(answer.user());
  EXPECT_EQ(answer.user()->name, "app");
  ASSERT_TRUE(answer.user()->secret);
  EXPECT_EQ(answer.user()->secret->reveal(), "secret");
}

TEST(AuthQuery, TellsNobodyFromOneWithoutAPassword) {
  struct Case {
    std::string rows;
    bool exists;
    bool has_secret;
  };
  for (const Case& each : {Case{"", false, false}, Case{row_of({std::nullopt, "x"}), false, false},
                           Case{row_of({"app", std::nullopt}), true, false}}) {
    AuthAnswer answer;
    EXPECT_EQ(answer.feed(described(2) + each.rows + ready()), Answer::done);
    EXPECT_EQ(answer.user().has_value(), each.exists);
    EXPECT_EQ(answer.user() && answer.user()->secret, each.has_secret);
  }
}

TEST(AuthQuery, RefusesWhatIsNoAnswer) {
  std::string error;
  wire::append_error(error, {.severity = "ERROR", .sqlstate = "42501", .message = "no"});
  std::string copy;
  wire::MessageWriter(copy, 'H').byte('\0').uint16(0);
  const std::pair<std::string, std::string_view> kCases[] = {
      {described(3), "expected 2 columns from auth_query, not 3"},
      {described(2) + row_of({"a", "b", "c"}), "expected 2 columns from auth_query, not 3"},
      {error, "error response from auth_query"},
      {copy, "unexpected response from auth_query"},
      {ready() + ready(), "unexpected response from auth_query"},
      {std::string("D\0\0\0\3", 5), "bad packet"},
      {std::string("D\x7f\xff\xff\xff", 5), "bad packet"},
      {std::string("D\0\0\0\x0a\0\2\0\0\0\5", 11), "bad packet"}};
  for (const auto& [bytes, why] : kCases) {
    AuthAnswer answer;
    EXPECT_EQ(answer.feed(bytes), Answer::failed) << why;
    EXPECT_EQ(answer.problem(), why);
    EXPECT_EQ(answer.server_error(), bytes == error ? "ERROR: no" : "");
  }
}

} // namespace
} // namespace pgkeep::pool
