#include "wire/listen.h"

#include <gtest/gtest.h>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

TEST(ListenCommand, IsOneCommandAlone) {
  const struct {
    const char* sql;
    bool is_listen;
    const char* channel;
  } commands[] = {
      {"LISTEN news", true, "news"},       {"  listen\n NewS ;\t", true, "news"},
      {"LISTEN \"New s\"", true, "New s"}, {"LISTEN\"a\"\"b\"", true, "a\"b"},
      {"UNLISTEN news;", false, "news"},   {"unlisten *", false, ""},
      {"LISTEN _a1$;", true, "_a1$"},      {"/* x */ LISTEN a", true, "a"},
      {"LISTEN a -- x", true, "a"},        {"-- x\nlisten/* /* */ */a/**/;--", true, "a"},
  };
  for (const auto& each : commands) {
    const auto command = listen_command_of(each.sql);
    ASSERT_TRUE(command) << each.sql;
    EXPECT_EQ(command->is_listen, each.is_listen) << each.sql;
    EXPECT_EQ(command->channel, each.channel) << each.sql;
  }
  for (const char* sql :
       {"", "LISTEN", "LISTEN ;", "LISTEN *", "LISTENING x", "LISTEN a; LISTEN b", "LISTEN a b",
        "LISTEN \"a", "LISTEN \"a\"b", "LISTEN \"\"", "LISTEN 1a", "/* x LISTEN a", "LISTEN a /* x",
        "-- LISTEN a", "LISTEN caf\xc3\xa9", "LISTEN a;;", "SELECT 1", "LISTEN caf\xc3\xa9",
        "LISTEN a123456789b123456789c123456789d123456789e123456789f123456789g1234"})
    EXPECT_FALSE(listen_command_of(sql)) << sql;
}

TEST(ListenCommand, MayFollow) {
  for (const char* front : {"", " ", "l", " /* x", "/", "-- x\n", "/* x */ LIS", "unl"})
    EXPECT_TRUE(may_be_listen(front)) << front;
  for (const char* front : {"S", " \n select", "/* x */ s", "'l'"})
    EXPECT_FALSE(may_be_listen(front)) << front;
}

TEST(ListenCommand, UnlistenAllIsFoundAmongOthers) {
  for (const char* text : {"UNLISTEN *", "SELECT f();\nCLOSE ALL;\nunlisten\t*;\nRESET ALL;",
                           "SELECT unlisten; UNLISTEN*"})
    EXPECT_TRUE(says_unlisten_all(text)) << text;
  for (const char* text : {"", "UNLISTEN", "UNLISTEN a; SELECT *", "SELECT unlistened * 2"})
    EXPECT_FALSE(says_unlisten_all(text)) << text;
}

TEST(ListenCommand, IsAnsweredAsAServerWould) {
  std::string simple;
  append_listen_answer(simple, {.channel = "a"}, {}, TransactionStatus::idle);
  std::string wanted;
  append_command_complete(wanted, "LISTEN");
  append_ready_for_query(wanted, TransactionStatus::idle);
  EXPECT_EQ(simple, wanted);
  std::string extended;
  append_listen_answer(extended, {.is_listen = false},
                       {.is_described = true, .is_extended = true, .is_parsed = true},
                       TransactionStatus::in_transaction);
  wanted.clear();
  for (const char type : {'1', '2', 'n'})
    append_empty(wanted, type);
  append_command_complete(wanted, "UNLISTEN");
  append_ready_for_query(wanted, TransactionStatus::in_transaction);
  EXPECT_EQ(extended, wanted);
}

TEST(ListenCommand, IsSaidToTheServer) {
  EXPECT_EQ(listen_sql(true, "New \"s"), "LISTEN \"New \"\"s\"");
  EXPECT_EQ(listen_sql(false, "a"), "UNLISTEN \"a\"");
  for (const char* channel : {"a", "New \"s", "x;y", " "})
    EXPECT_EQ(listen_command_of(listen_sql(true, channel))->channel, channel);
}

TEST(Notification, HasAChannel) {
  std::string body;
  append_uint32(body, 7);
  body.append("news").push_back('\0');
  body.append("today").push_back('\0');
  EXPECT_EQ(channel_of(body), "news");
  EXPECT_EQ(channel_of(""), "");
}

} // namespace
} // namespace pgkeep::wire
