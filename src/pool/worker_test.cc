#include "pool/worker.h"

#include <atomic>
#include <chrono>
#include <future>

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

constexpr std::size_t kMost = 8;

TEST(PoolWorkers, AreAsManyAsAreBusyUpToALimit) {
  std::promise<void> end;
  const std::shared_future<void> is_over = end.get_future().share();
  std::promise<void> all;
  std::atomic<std::size_t> busy{0};
  std::atomic<std::size_t> done{0};
  std::promise<void> last;
  Workers workers(1, kMost);
  for (std::size_t i = 0; i < 3 * kMost; ++i) {
    ASSERT_TRUE(workers.post([&] {
      const std::size_t now = busy.fetch_add(1) + 1;
      EXPECT_LE(now, kMost);
      if (now == kMost && is_over.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
        all.set_value();
      is_over.wait();
      busy.fetch_sub(1);
      if (done.fetch_add(1) + 1 == 3 * kMost) last.set_value();
    }));
  }
  EXPECT_EQ(all.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  end.set_value();
  EXPECT_EQ(last.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

} // namespace
} // namespace pgkeep::pool
