#include "pool/tls_records.h"

#include <gtest/gtest.h>

#include <string>

namespace pgkeep::pool {
namespace {

std::string record(char type, const std::string& content) {
  std::string bytes = {type, '\3', '\1', static_cast<char>(content.size() >> 8U),
                       static_cast<char>(content.size() & 0xffU)};
  return bytes + content;
}
std::string handshake(const std::string& content) {
  return record('\x16', content);
}
/// Of which `bytes` are here.
std::string hello(std::size_t length, std::size_t bytes) {
  std::string text = {'\1', static_cast<char>(length >> 16U),
                      static_cast<char>(length >> 8U & 0xffU), static_cast<char>(length & 0xffU)};
  return text + std::string(bytes, '\1'); // Which looks like one more of them.
}
const std::string kCipherSpec = record('\x14', "\1");

TEST(TlsRecords, GoAsAWhole) {
  const std::string first = handshake(hello(500, 500));
  for (std::size_t i = 0; i < first.size(); ++i)
    ASSERT_EQ(TlsRecords().look(first.substr(0, i), false).bytes, 0U) << i;
  TlsRecords records;
  EXPECT_EQ(records.look(first + kCipherSpec.substr(0, 4), false).bytes, first.size());
  EXPECT_EQ(records.look(kCipherSpec + record('\x17', "x"), true).bytes, kCipherSpec.size() + 6);
  for (const std::string& nonsense : {std::string(100, '\0'), std::string("\x16\3\1\xff\xff.", 6)})
    EXPECT_EQ(TlsRecords().look(nonsense, false).bytes, nonsense.size()) << "the library says why";
}

TEST(TlsRecords, NoHelloIsLongerThanAnHonestOne) {
  const std::size_t most = TlsRecords::kHelloBytesMax;
  EXPECT_FALSE(TlsRecords().look(handshake(hello(most, 100)), false).is_too_long);
  EXPECT_TRUE(TlsRecords().look(handshake(hello(most + 1, 100)), false).is_too_long);
  EXPECT_TRUE(TlsRecords().look(handshake(hello(131'000, 16'000)), false).is_too_long);
  EXPECT_TRUE(TlsRecords().look(handshake("\1"), false).is_too_long) << "and no riddles";
  // The second one neither, behind what TLS 1.3 puts in front of it.
  TlsRecords records;
  EXPECT_FALSE(records.look(handshake(hello(200, 200)), false).is_too_long);
  EXPECT_TRUE(records.look(kCipherSpec + handshake(hello(131'000, 9)), true).is_too_long);
}

TEST(TlsRecords, WhatIsNoHelloIsTheLibrarysBusiness) {
  TlsRecords parts;
  EXPECT_FALSE(parts.look(handshake(hello(900, 100)), false).is_too_long);
  EXPECT_FALSE(parts.look(handshake(std::string(800, '\1')), false).is_too_long) << "its rest";
  EXPECT_TRUE(parts.look(handshake(std::string(800, '\1')), false).is_too_long);
  // Of TLS 1.2: another message is here, or what looks like one is encrypted.
  TlsRecords exchange;
  EXPECT_FALSE(
      exchange.look(handshake(hello(50, 50)) + handshake(std::string("\x10\0\0\1x", 5)), false)
          .is_too_long);
  EXPECT_FALSE(exchange.look(handshake(hello(131'000, 9)), false).is_too_long);
  TlsRecords resumed;
  EXPECT_FALSE(resumed.look(handshake(hello(50, 50)), false).is_too_long);
  EXPECT_FALSE(resumed.look(kCipherSpec + handshake(hello(131'000, 9)), false).is_too_long);
}

} // namespace
} // namespace pgkeep::pool
