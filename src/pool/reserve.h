/// Descriptors that are kept free for clients on their way from the process before this one.
///
/// Private to src/pool. Threads: one object, one thread; the others of the process may take
/// whatever descriptors are free at any moment. Source: getrlimit(2) (RLIMIT_NOFILE).
#pragma once

#include <cstddef>
#include <vector>

#include "base/fd.h"

namespace pgkeep::pool {

class Reserve {
public:
  static constexpr std::size_t kMost = 128;
  static constexpr std::size_t kForTheRest = 32; ///< That must be free beyond it, for it to grow.

  /// As far as it may. False: too few are free for the rest of the process already.
  bool grow();
  /// One of them is free now; false: it has none.
  bool spend();
  void clear() { kept_.clear(); }
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

private:
  std::vector<base::Fd> kept_; // Of /dev/null.
};

} // namespace pgkeep::pool
