/// The number and the key that a client is told of itself, by which a cancel request finds it.
///
/// Alone: the number is its loop (top byte) and its slot there, the key is 32 random bits. Among
/// peers the eight bytes are laid out as PgBouncer's: the second and third are the peer's id, low
/// byte first, and the last two bits of all say how often a request may be passed on. Of the slot
/// only the low byte is left then, and the key has 30 random bits. The top bit is never set: some
/// clients take the number for a process id.
///
/// Private to src/pool. Threads: pure functions. Source: PgBouncer's manual, config (peer_id);
/// the layout of PgBouncer 1.25.
#pragma once

#include <cstdint>

namespace pgkeep::pool {

struct CancelKey {
  std::uint32_t process = 0;
  std::uint32_t secret = 0;
  friend bool operator==(const CancelKey&, const CancelKey&) = default;
};

inline constexpr std::uint32_t kCancelSlotBits = 24;
inline constexpr std::uint32_t kCancelTimesMask = 3;     ///< Of the secret.
inline constexpr std::uint32_t kCancelSharedSlots = 256; ///< Among peers: slots so far apart.

/// `peer`: our own id; 0: there are no peers.
CancelKey cancel_key_of(std::uint32_t loop, std::uint32_t slot, std::uint32_t random,
                        std::int64_t peer);
/// Whose the client is.
std::int64_t peer_in(std::uint32_t process);
inline std::uint32_t loop_in(std::uint32_t process) {
  return process >> kCancelSlotBits;
}
/// Alone: the slot. Among peers: the first that it may be; others follow kCancelSharedSlots apart.
std::uint32_t slot_in(std::uint32_t process, std::int64_t peer);

} // namespace pgkeep::pool
