#include "pool/cancel_key.h"

#include <gtest/gtest.h>

namespace pgkeep::pool {
namespace {

TEST(CancelKey, AloneItIsTheLoopAndTheSlot) {
  const CancelKey key = cancel_key_of(5, 70'000, 0xDEADBEEC, 0);
  EXPECT_EQ(key.process, 5U << 24U | 70'000U);
  EXPECT_EQ(key.secret, 0xDEADBEECU);
  EXPECT_EQ(loop_in(key.process), 5U);
  EXPECT_EQ(slot_in(key.process, 0), 70'000U);
}

TEST(CancelKey, AmongPeersItHasPgbouncersLayout) {
  // Bytes of the key: the peer's id in the second and third, two set bits at the end.
  const CancelKey key = cancel_key_of(3, 0x1234AB, 0x10203040, 0x3F02);
  EXPECT_EQ(key.process, 0x03'02'3F'ABU);
  EXPECT_EQ(key.secret, 0x10203043U);
  EXPECT_EQ(peer_in(key.process), 0x3F02);
  EXPECT_EQ(loop_in(key.process), 3U);
  EXPECT_EQ(slot_in(key.process, 0x3F02), 0xABU);
}

TEST(CancelKey, EveryPeerIsFoundAgain) {
  for (std::int64_t peer = 1; peer <= 16'383; ++peer) {
    const CancelKey key = cancel_key_of(63, 0xFFFFFF, 0xFFFFFFFF, peer);
    ASSERT_EQ(peer_in(key.process), peer);
    ASSERT_EQ(key.process >> 31U, 0U) << "a process id is not negative";
  }
}

} // namespace
} // namespace pgkeep::pool
