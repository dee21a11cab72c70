#include "pool/takeover.h"

#include <sys/un.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "base/scratch_test.h"
#include "pool/no_descriptors_test.h"

namespace pgkeep::pool {
namespace {

struct Offer {
  base::Scratch scratch;
  std::unique_ptr<Handover> handover;

  Offer() {
    Settings settings;
    settings.unix_socket_dir = scratch.path().string();
    auto offered = Handover::offer(settings, {});
    if (offered) handover = *std::move(offered);
  }
  [[nodiscard]] base::Fd newcomer() const {
    base::Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    for (const auto& each : std::filesystem::directory_iterator(scratch.path()))
      std::ranges::copy(each.path().string(), address.sun_path);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
};

TEST(PoolTakeover, OutOfDescriptorsNobodyIsAcceptedForAWhile) {
  const Offer offer;
  ASSERT_TRUE(offer.handover);
  Handover& handover = *offer.handover;
  const int listener = handover.fd();
  ASSERT_GE(listener, 0);
  const base::Fd newcomer = offer.newcomer();
  {
    const NoDescriptors none;
    EXPECT_FALSE(handover.look("", 0));
    EXPECT_LT(handover.fd(), 0) << "who waits for it is woken again and again";
  }
  EXPECT_FALSE(handover.look("", Handover::kPauseUs - 1));
  EXPECT_LT(handover.fd(), 0);
  EXPECT_FALSE(handover.look("it is paused", Handover::kPauseUs));
  EXPECT_EQ(handover.fd(), listener) << "the one that came was told, and is gone";
}

} // namespace
} // namespace pgkeep::pool
