/// The process that takes the clients of this one, in an online restart.
///
/// A descriptor that comes where none is free is lost, and with it the client. So a client is sent
/// only where the other process has said that it keeps a descriptor free for one. Private to
/// src/pool. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/fd.h"

namespace pgkeep::pool {

struct Heir {
  explicit Heir(base::Fd to) : way(std::move(to)) {}

  const base::Fd way;
  std::atomic<std::int64_t> places{0}; ///< For clients that may be sent.

  /// False: there is none.
  bool take_place() {
    for (std::int64_t seen = places.load(); seen > 0;) {
      if (places.compare_exchange_weak(seen, seen - 1)) return true;
    }
    return false;
  }
  void give_place() { places.fetch_add(1); }
};

/// There are places again.
struct HeirHasRoom {};

} // namespace pgkeep::pool
