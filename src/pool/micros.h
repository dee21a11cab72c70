/// Time as loops count it. Private to src/pool.
#pragma once

#include <chrono>
#include <cstdint>

namespace pgkeep::pool {

/// Microseconds of a clock that only goes forward.
using Micros = std::int64_t;
inline constexpr Micros kMicrosInSecond = 1'000'000;

/// Of that clock; loops have their own reading of it, once a pass.
inline Micros micros_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

} // namespace pgkeep::pool
