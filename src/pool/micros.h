/// Time as loops count it. Private to src/pool.
#pragma once

#include <cstdint>

namespace pgkeep::pool {

/// Microseconds of a clock that only goes forward.
using Micros = std::int64_t;
inline constexpr Micros kMicrosInSecond = 1'000'000;

} // namespace pgkeep::pool
