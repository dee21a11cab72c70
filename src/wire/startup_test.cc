#include "wire/startup.h"

#include <gtest/gtest.h>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string packet(const std::string& body) {
  std::string out;
  MessageWriter(out).bytes(body);
  return out;
}

TEST(Startup, IsReadAsItIsWritten) {
  std::string bytes;
  append_startup(bytes, 2, {{"user", "alice"}, {"database", "shop"}, {"options", ""}});
  const std::string followed = bytes + "Q and more";
  const auto startup = startup_of(followed);
  ASSERT_TRUE(startup && *startup);
  EXPECT_EQ((*startup)->wish, FirstWish::session);
  EXPECT_EQ((*startup)->bytes, bytes.size());
  EXPECT_EQ((*startup)->minor, 2);
  EXPECT_EQ((*startup)->parameters,
            (Parameters{{"user", "alice"}, {"database", "shop"}, {"options", ""}}));
  EXPECT_EQ((*startup)->parameter("database"), "shop");
  EXPECT_EQ((*startup)->parameter("absent"), "");
}

TEST(Startup, OfTwoValuesTheLastCounts) {
  std::string bytes;
  append_startup(bytes, 0, {{"user", "alice"}, {"user", "bob"}});
  EXPECT_EQ((*startup_of(bytes))->parameter("user"), "bob");
}

TEST(Startup, EveryPieceOfItAsksForMore) {
  std::string bytes;
  append_startup(bytes, 0, {{"user", "alice"}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto startup = startup_of(std::string_view(bytes).substr(0, size));
    ASSERT_TRUE(startup) << size;
    EXPECT_FALSE(*startup) << size;
  }
}

TEST(Startup, TlsAndGssAndCancel) {
  std::string bytes;
  append_tls_request(bytes);
  EXPECT_EQ((*startup_of(bytes))->wish, FirstWish::tls);
  EXPECT_EQ((*startup_of(bytes))->bytes, 8U);
  EXPECT_EQ((*startup_of(std::string("\0\0\0\x08\x04\xd2\x16\x30", 8)))->wish,
            FirstWish::gss_encryption);
  for (const std::string key : {"abcd", "a key of version 3.2"}) {
    bytes.clear();
    append_cancel_request(bytes, 4711, key);
    const auto cancel = startup_of(bytes);
    ASSERT_TRUE(cancel && *cancel);
    EXPECT_EQ((*cancel)->wish, FirstWish::cancel);
    EXPECT_EQ((*cancel)->process, 4711U);
    EXPECT_EQ((*cancel)->key, key);
  }
}

TEST(Startup, AnotherVersionIsSaidAndNotRead) {
  const auto startup = startup_of(packet(std::string("\0\2\0\0garbage", 11)));
  ASSERT_TRUE(startup && *startup);
  EXPECT_EQ((*startup)->major, 2);
  EXPECT_TRUE((*startup)->parameters.empty());
}

TEST(Startup, WhatIsNoStartupPacketIsRefused) {
  std::string cancel_short;
  append_cancel_request(cancel_short, 1, "abc");
  std::string cancel_long;
  append_cancel_request(cancel_long, 1, std::string(257, 'k'));
  const std::string cases[] = {
      std::string("\0\0\0\0", 4),
      std::string("\0\0\0\7\0\3\0", 7),
      "GET / HTTP/1.1\r\n", // 1.2 GB long, read as a length.
      std::string("\0\0\x27\x11", 4),
      packet(std::string("\0\3\0\0user\0alice\0", 15)),   // Without an end.
      packet(std::string("\0\3\0\0user\0", 9)),           // Without a value.
      packet(std::string("\0\3\0\0user\0alice", 14)),     // Without a NUL.
      packet(std::string("\0\3\0\0user\0a\0\0more", 17)), // More than its end.
      packet(std::string("\x04\xd2\x16\x2fmore", 8)),
      cancel_short,
      cancel_long,
  };
  for (const std::string& bytes : cases) {
    const auto startup = startup_of(bytes);
    ASSERT_FALSE(startup) << bytes;
    EXPECT_EQ(startup.error().code, base::Code::corrupt);
  }
}

TEST(Startup, DirectTls) {
  EXPECT_TRUE(is_direct_tls(std::string_view("\x16\x03\x01", 3)));
  std::string bytes;
  append_tls_request(bytes);
  EXPECT_FALSE(is_direct_tls(bytes));
  EXPECT_FALSE(is_direct_tls(""));
}

} // namespace
} // namespace pgkeep::wire
