#include "wire/scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/bytes.h"

namespace pgkeep::wire {
namespace {

struct Seen {
  char type = '\0';
  std::string body = {};
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// What a stream says when it comes in pieces of so many bytes.
std::vector<Seen> scanned(std::string_view stream, std::size_t piece) {
  MessageScanner scanner;
  std::vector<Seen> seen;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    std::string_view bytes = stream.substr(at, piece);
    while (const auto part = scanner.next(bytes)) {
      if (part->begins) seen.push_back({.type = part->type});
      seen.back().body += part->body;
      EXPECT_EQ(part->ends, seen.back().body.size() + 4 == part->length);
    }
    EXPECT_TRUE(bytes.empty());
  }
  EXPECT_TRUE(scanner.is_between());
  return seen;
}

TEST(MessageScanner, SeesTheSameInPiecesOfAnySize) {
  std::string stream;
  append_query(stream, "SELECT 1");
  append_empty(stream, from_client::kSync);
  append_empty(stream, from_client::kFlush);
  append_query(stream, std::string(300, 'x'));
  append_ready_for_query(stream, TransactionStatus::idle);
  const std::vector<Seen> want = {{.type = 'Q', .body = std::string("SELECT 1") + '\0'},
                                  {.type = 'S'},
                                  {.type = 'H'},
                                  {.type = 'Q', .body = std::string(300, 'x') + '\0'},
                                  {.type = 'Z', .body = "I"}};
  for (std::size_t piece = 1; piece <= stream.size(); ++piece)
    EXPECT_EQ(scanned(stream, piece), want) << piece;
}

TEST(MessageScanner, HoldsAHeaderThatIsNotWhole) {
  MessageScanner scanner;
  std::string_view bytes("Q\0\0", 3);
  EXPECT_FALSE(scanner.next(bytes));
  EXPECT_EQ(scanner.held(), std::string_view("Q\0\0", 3));
  EXPECT_FALSE(scanner.is_between());
  bytes = std::string_view("\0\5x", 3);
  const auto part = scanner.next(bytes);
  ASSERT_TRUE(part);
  EXPECT_TRUE(part->begins && part->ends);
  EXPECT_EQ(part->body, "x");
  EXPECT_TRUE(scanner.is_between());
}

TEST(MessageScanner, StopsAtALengthThatNoMessageHas) {
  MessageScanner scanner;
  std::string_view bytes("Q\0\0\0\3xx", 7);
  EXPECT_FALSE(scanner.next(bytes));
  EXPECT_TRUE(scanner.is_broken());
  EXPECT_EQ(scanner.header().length, 3U);
  EXPECT_FALSE(scanner.next(bytes));
  EXPECT_EQ(bytes, "xx");
}

} // namespace
} // namespace pgkeep::wire
