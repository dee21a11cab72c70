#include "pool/metrics.h"

#include <gtest/gtest.h>

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

TEST(PoolMetrics, AddressesAreNumeric) {
  for (const std::string_view wrong : {"9127", ":9127", "localhost:9127", "127.0.0.1",
                                       "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:9x", "[::1"}) {
    const auto server = MetricsServer::open(wrong);
    ASSERT_FALSE(server) << wrong;
    EXPECT_EQ(server.error().code, base::Code::config) << wrong;
  }
  EXPECT_TRUE(MetricsServer::open(""));
}

} // namespace
} // namespace pgkeep::pool
