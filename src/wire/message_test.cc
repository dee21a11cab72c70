#include "wire/message.h"

#include <array>

#include <gtest/gtest.h>

#include "wire/bytes.h"
#include "wire/error_fields.h"

namespace pgkeep::wire {
namespace {

/// The one message that the bytes are; the body of it.
std::string_view body_of(std::string_view bytes, char type) {
  const auto header = header_of(bytes);
  EXPECT_TRUE(header);
  if (!header) return {};
  EXPECT_EQ(header->type, type);
  EXPECT_TRUE(header->is_sound());
  EXPECT_EQ(header->message_bytes(), bytes.size());
  return bytes.substr(Header::kBytes);
}

TEST(Message, HeadersNeedFiveBytes) {
  std::string bytes;
  append_query(bytes, "SELECT 1");
  for (std::size_t size = 0; size < Header::kBytes; ++size)
    EXPECT_FALSE(header_of(std::string_view(bytes).substr(0, size)));
  EXPECT_EQ(body_of(bytes, from_client::kQuery), std::string_view("SELECT 1\0", 9));
  const auto absurd = header_of(std::string_view("Q\0\0\0\3", 5));
  EXPECT_FALSE(absurd->is_sound());
  EXPECT_EQ(header_of("Q\xff\xff\xff\xff")->message_bytes(), std::size_t{0x100000000});
}

TEST(Message, AreThoseOfTheManual) {
  std::string bytes;
  append_ready_for_query(bytes, TransactionStatus::failed);
  EXPECT_EQ(bytes, std::string("Z\0\0\0\5E", 6));
  bytes.clear();
  append_empty(bytes, from_client::kSync);
  EXPECT_EQ(bytes, std::string("S\0\0\0\4", 5));
  bytes.clear();
  append_parameter_status(bytes, "TimeZone", "UTC");
  EXPECT_EQ(body_of(bytes, 'S'), std::string_view("TimeZone\0UTC\0", 13));
  bytes.clear();
  append_backend_key(bytes, 0x01020304, "abcd");
  EXPECT_EQ(body_of(bytes, 'K'), "\1\2\3\4abcd");
  bytes.clear();
  constexpr std::array<std::string_view, 2> kMechanisms = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
  append_sasl_request(bytes, kMechanisms);
  EXPECT_EQ(body_of(bytes, 'R'),
            std::string_view("\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", 38));
  bytes.clear();
  append_sasl_initial(bytes, "SCRAM-SHA-256", "n,,");
  EXPECT_EQ(body_of(bytes, 'p'), std::string_view("SCRAM-SHA-256\0\0\0\0\3n,,", 21));
  bytes.clear();
  constexpr std::array<std::string_view, 1> kOptions = {"_pq_.x"};
  append_negotiate_version(bytes, 2, kOptions);
  EXPECT_EQ(body_of(bytes, 'v'), std::string_view("\0\3\0\2\0\0\0\1_pq_.x\0", 15));
}

TEST(Message, AuthenticationRequests) {
  std::string bytes;
  append_md5_request(bytes, "salt");
  const auto md5 = authentication_of(body_of(bytes, 'R'));
  ASSERT_TRUE(md5);
  EXPECT_TRUE(md5->is(AuthenticationKind::md5));
  EXPECT_EQ(md5->data, "salt");
  EXPECT_FALSE(authentication_of("\0\0"));
}

TEST(ErrorFields, AreReadAsTheyAreWritten) {
  std::string bytes;
  append_error(bytes, {.severity = "FATAL",
                       .sqlstate = "08P01",
                       .message = "no such database: x",
                       .detail = {},
                       .hint = "Try y."});
  const auto fields = error_fields_of(body_of(bytes, 'E'));
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->severity, "FATAL");
  EXPECT_EQ(fields->sqlstate, "08P01");
  EXPECT_EQ(fields->message, "no such database: x");
  EXPECT_EQ(fields->detail, "");
  EXPECT_EQ(fields->hint, "Try y.");
}

TEST(ErrorFields, TheUntranslatedSeverityWins) {
  const auto fields = error_fields_of(std::string_view("SFEHLER\0VERROR\0Xunknown\0Mtext\0\0", 31));
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->severity, "ERROR");
  EXPECT_EQ(fields->message, "text");
}

TEST(ErrorFields, WithoutAnEndTheyAreNone) {
  for (const std::string_view body : {std::string_view(""), std::string_view("Mtext", 5),
                                      std::string_view("Mtext\0", 6), std::string_view("M", 1)})
    EXPECT_FALSE(error_fields_of(body)) << body;
}

TEST(Reader, NeverReadsBehindTheEnd) {
  Reader reader(std::string_view("\1\2\3", 3));
  EXPECT_EQ(reader.uint16(), 0x0102);
  EXPECT_EQ(reader.uint32(), 0U);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.byte(), 0);
  EXPECT_EQ(reader.text(), "");
  EXPECT_TRUE(reader.at_end());
}

} // namespace
} // namespace pgkeep::wire
