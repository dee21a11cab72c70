/// Accepting that failed for want of descriptors or memory would fail again at once, and poll()
/// returns at once as well: so that listener is left alone for a while.
///
/// Private to src/pool. Threads: one object, one thread. Source: accept(2) (EMFILE, ENFILE,
/// ENOBUFS, ENOMEM).
#pragma once

#include <cerrno>

#include "pool/micros.h"

namespace pgkeep::pool {

class AcceptPause {
public:
  static constexpr Micros kLength = 300'000;

  [[nodiscard]] bool is_on() const { return is_on_; }
  /// `problem`: what errno says of an accept() that failed. Of those who went first, or of nobody,
  /// nothing follows.
  void note(int problem, Micros now) {
    is_on_ =
        problem != EAGAIN && problem != EWOULDBLOCK && problem != EINTR && problem != ECONNABORTED;
    until_ = now + kLength;
  }
  void end_if_over(Micros now) { is_on_ = is_on_ && now < until_; }

private:
  bool is_on_ = false;
  Micros until_ = 0;
};

} // namespace pgkeep::pool
