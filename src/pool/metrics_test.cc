#include "pool/metrics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "pool/address.h"
#include "pool/no_descriptors_test.h"

namespace pgkeep::pool {
namespace {

TEST(PoolMetrics, RequestsAreReadAsFarAsNeeded) {
  struct Request {
    std::string text;
    bool is_whole;
    bool is_metrics;
    std::string_view refusal;
  };
  const Request requests[] = {
      {"", false, false, ""},
      {"GET /metrics HTTP/1.1\r\nHost: x\r\n", false, false, ""},
      {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", true, true, ""},
      {"GET /metrics?x=1 HTTP/1.0\r\n\r\n", true, true, ""},
      {"GET / HTTP/1.1\r\n\r\n", true, false, "404 Not Found"},
      {"POST /metrics HTTP/1.1\r\n\r\n", true, false, "405 Method Not Allowed"},
      {"GET /metrics\r\n\r\n", true, false, "400 Bad Request"},
      {"\r\n\r\n", true, false, "400 Bad Request"},
      {" HTTP/1.1\r\n\r\n", true, false, "400 Bad Request"},
      {std::string(MetricsServer::kRequestBytesMax, 'x'), true, false,
       "431 Request Header Fields Too Large"},
  };
  for (const Request& each : requests) {
    const MetricsWish wish = metrics_wish_of(each.text);
    EXPECT_EQ(wish.is_whole, each.is_whole) << each.text;
    EXPECT_EQ(wish.is_metrics, each.is_metrics) << each.text;
    EXPECT_EQ(wish.refusal, each.refusal) << each.text;
  }
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(PoolMetrics, NamesThatClientsMakeUpSpoilNothing) {
  const auto read = [](const std::string&) -> base::Result<std::string> {
    return std::string("[databases]\n* = host=h\nlisted = host=h\n");
  };
  auto directory = read_directory("ini", read);
  ASSERT_TRUE(directory) << base::to_line(directory.error());
  const auto files = std::make_shared<const Directory>(*std::move(directory));
  Pools pools(files, 1);
  Picture picture;
  picture.files = files;
  const auto add = [&](const std::string& database, int clients) {
    const auto found =
        pools.find_or_make(files, *files->configuration.database(database), database, "u\\\"\n");
    picture.pools.push_back({.pool = found.pool, .clients = clients});
    return found.pool;
  };
  for (int i = 0; i < 2000; ++i)
    add(fmt::format("made up {}", i), 0);
  add("\xff\xfe", 1);
  add("listed", 0);
  const auto taken = add("taken by a server", 0);
  taken->set_welcome({}, taken->epoch());
  const std::string text = metrics_text(picture);
  EXPECT_EQ(count_of(text, "pgkeep_pool_size{"), 3U);
  EXPECT_NE(text.find("database=\"\\\\xff\\\\xfe\",user=\"u\\\\\\\"\\\\x0a\""), text.npos);
  EXPECT_NE(text.find("database=\"listed\""), text.npos);
  EXPECT_NE(text.find("database=\"taken by a server\""), text.npos);
  EXPECT_NE(text.find("pgkeep_pool_pools_left_out 0\n"), text.npos);
  EXPECT_EQ(count_of(text, "made up"), 0U);
  EXPECT_EQ(count_of(text, "\xff"), 0U) << "no UTF-8";
}

TEST(PoolMetrics, AddressesAreNumeric) {
  for (const std::string_view wrong : {"9127", ":9127", "localhost:9127", "127.0.0.1",
                                       "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:9x", "[::1"}) {
    const auto server = MetricsServer::open(wrong);
    ASSERT_FALSE(server) << wrong;
    EXPECT_EQ(server.error().code, base::Code::config) << wrong;
  }
  EXPECT_TRUE(MetricsServer::open(""));
}

TEST(PoolMetrics, OutOfDescriptorsNobodyIsAcceptedForAWhile) {
  const std::uint16_t port = free_port();
  auto server = MetricsServer::open(fmt::format("127.0.0.1:{}", port));
  ASSERT_TRUE(server) << base::to_line(server.error());
  const auto address = numeric_address("127.0.0.1", port);
  const base::Fd scraper(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(scraper.get(), address->get(), address->bytes), 0);
  const auto waited_for = [&] {
    std::vector<pollfd> sources;
    server->add_to(sources);
    return sources.size();
  };
  ASSERT_EQ(waited_for(), 1U);
  {
    const NoDescriptors none;
    EXPECT_TRUE(server->look(0).empty());
    EXPECT_EQ(waited_for(), 0U) << "who waits for it is woken again and again";
    EXPECT_TRUE(server->look(AcceptPause::kLength).empty());
    EXPECT_EQ(waited_for(), 0U);
  }
  EXPECT_TRUE(server->look(2 * AcceptPause::kLength - 1).empty());
  EXPECT_EQ(waited_for(), 0U);
  EXPECT_TRUE(server->look(2 * AcceptPause::kLength).empty());
  EXPECT_EQ(waited_for(), 2U) << "it, and the one that came";
}

} // namespace
} // namespace pgkeep::pool
