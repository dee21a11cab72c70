/// Sizes, durations and counts: types, parsing ("64MB", "2s") and printing ("1.2 GB", "3 min").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace pgkeep::base {

/// A number of bytes. Raw integers that hold bytes carry the unit in their name instead (wire,
/// JSON, SQL).
struct Bytes {
  std::int64_t count = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

inline constexpr std::int64_t kKiB = 1024;
inline constexpr std::int64_t kMiB = 1024 * kKiB;
inline constexpr std::int64_t kGiB = 1024 * kMiB;

/// "64MB", "8kB", "1GB", "2TB", "100B": PostgreSQL's units, powers of 1024; a unit is required.
Result<Bytes> parse_bytes(std::string_view text);
/// "30s", "5min", "1h", "7d", "200ms": PostgreSQL's units; "0" needs none; a unit is required
/// otherwise.
Result<Duration> parse_duration(std::string_view text);

/// "1.2 GB", "640 kB", "12 bytes".
std::string human_bytes(std::int64_t bytes);
/// "3 d", "5 h", "2 min", "30 s", "200 ms": one unit, rounded down to a readable figure.
std::string human_duration(Duration duration);
/// "1,234,567".
std::string human_count(std::int64_t count);
/// "12.3 %".
std::string human_percent(double fraction);

} // namespace pgkeep::base
