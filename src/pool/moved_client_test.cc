#include "pool/moved_client.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

MovedClient client_with_all() {
  MovedClient client;
  client.database = "app";
  client.pool_user = "of_pool";
  client.user = "alice";
  client.peer.is_unix = false;
  client.peer.port = 4711;
  client.peer.ip.bytes[15] = 1;
  client.key = {.process = 0x01000007, .secret = 0xfffefdfc};
  client.connected_at = 5'000'000'000'123;
  client.parameters = {{"TimeZone", "UTC"}, {"application_name", ""}};
  client.statements = {{"s1", std::string("SELECT $1\0\0\1\0\0\0\27", 16)}};
  client.session = wire::SessionSettings{{"work_mem", "7MB"}};
  client.custom = std::set<std::string>{"app.tenant"};
  client.keys.emplace().server_key[31] = 9;
  client.secret = base::Secret("s3cret");
  return client;
}

TEST(MovedClient, IsTheSameOnTheOtherSide) {
  const MovedClient before = client_with_all();
  const auto after = moved_client_of(message_of(before));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->database, "app");
  EXPECT_EQ(after->pool_user, "of_pool");
  EXPECT_EQ(after->user, "alice");
  EXPECT_EQ(after->peer.text(), before.peer.text());
  EXPECT_EQ(after->key, before.key);
  EXPECT_EQ(after->connected_at, before.connected_at);
  EXPECT_EQ(after->parameters, before.parameters);
  EXPECT_EQ(after->statements, before.statements);
  EXPECT_EQ(after->session, before.session);
  EXPECT_EQ(after->custom, before.custom);
  ASSERT_TRUE(after->keys);
  EXPECT_EQ(after->keys->server_key, before.keys->server_key);
  EXPECT_EQ(after->secret.reveal(), "s3cret");
  EXPECT_EQ(message_of(*after), message_of(before));
}

TEST(MovedClient, OneThatHasNothing) {
  const auto after = moved_client_of(message_of(MovedClient{}));
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->session);
  EXPECT_FALSE(after->custom);
  EXPECT_FALSE(after->keys);
  EXPECT_TRUE(after->secret.empty());
}

TEST(MovedClient, WhatIsNoSuchMessageIsRefused) {
  const std::string whole = message_of(client_with_all());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(moved_client_of(whole.substr(0, size))) << size;
  EXPECT_FALSE(moved_client_of(whole + "x"));
  std::string other_form = whole;
  other_form[3] = 77;
  EXPECT_FALSE(moved_client_of(other_form));
}

TEST(MovedKeys, AreFoundUntilTheyAreTakenAway) {
  MovedKeys keys;
  const CancelKey key{.process = 1, .secret = 2};
  EXPECT_FALSE(keys.find(key));
  keys.add(key, {.loop = 1, .slot = 3, .id = 4});
  ASSERT_TRUE(keys.find(key));
  EXPECT_EQ(keys.find(key)->slot, 3U);
  EXPECT_FALSE(keys.find({.process = 1, .secret = 3}));
  keys.remove(key);
  EXPECT_FALSE(keys.find(key));
}

} // namespace
} // namespace pgkeep::pool
