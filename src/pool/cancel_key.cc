#include "pool/cancel_key.h"

namespace pgkeep::pool {
namespace {

constexpr std::uint32_t kByteMask = 0xFF;
constexpr std::uint32_t kPeerLowShift = 16;
constexpr std::uint32_t kPeerHighShift = 8;

} // namespace

CancelKey cancel_key_of(std::uint32_t loop, std::uint32_t slot, std::uint32_t random,
                        std::int64_t peer) {
  if (peer == 0) return {.process = loop << kCancelSlotBits | slot, .secret = random};
  const auto id = static_cast<std::uint32_t>(peer);
  return {.process = loop << kCancelSlotBits | (id & kByteMask) << kPeerLowShift |
                     (id >> 8U & kByteMask) << kPeerHighShift | (slot & kByteMask),
          .secret = random | kCancelTimesMask};
}

std::int64_t peer_in(std::uint32_t process) {
  return (process >> kPeerLowShift & kByteMask) | (process >> kPeerHighShift & kByteMask) << 8U;
}

std::uint32_t slot_in(std::uint32_t process, std::int64_t peer) {
  return peer == 0 ? process & ((1U << kCancelSlotBits) - 1) : process & kByteMask;
}

} // namespace pgkeep::pool
