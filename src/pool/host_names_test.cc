#include "pool/host_names.h"

#include <gtest/gtest.h>

#include "pool/micros.h"
#include "pool/settings.h"

namespace pgkeep::pool {
namespace {

TEST(PoolHostNames, ANameIsAskedForOnceAtATime) {
  HostNames names;
  std::vector<std::size_t> told;
  const auto then = [&](const HostNames::Addresses& addresses) {
    told.push_back(addresses.size());
  };
  EXPECT_TRUE(names.ask("one", then));
  EXPECT_FALSE(names.ask("one", then));
  EXPECT_TRUE(names.ask("other", then));
  EXPECT_FALSE(names.ask("one", then));
  names.tell("one", {IpAddress{}, IpAddress{}});
  EXPECT_EQ(told, (std::vector<std::size_t>{2, 2, 2}));
  EXPECT_TRUE(names.ask("one", then)) << "that was answered";
  EXPECT_FALSE(names.ask("other", then));
  names.tell("other", {});
  EXPECT_EQ(told, (std::vector<std::size_t>{2, 2, 2, 0, 0}));
}

TEST(PoolHostNames, AnswersAreGoodForTheirTime) {
  HostNames names;
  Settings settings;
  settings.dns_max_ttl = std::chrono::hours(1);
  settings.dns_nxdomain_ttl = std::chrono::hours(1);
  const Micros hour = 3600 * kMicrosInSecond;
  const Micros before = micros_now();
  EXPECT_FALSE(names.known("127.0.0.1", before));
  EXPECT_EQ(names.look_up("127.0.0.1", settings).addresses.size(), 1U);
  EXPECT_TRUE(names.known("127.0.0.1", before + hour - 1)) << "from when the answer came";
  EXPECT_FALSE(names.known("127.0.0.1", micros_now() + hour));
}

} // namespace
} // namespace pgkeep::pool
