/// Time, injected: whoever needs the time of day takes a Clock, so that tests and offline audits
/// can say which day it is.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace pgkeep::base {

using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

/// Thread-safety: now() may be called from any thread.
class Clock {
public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
public:
  [[nodiscard]] Timestamp now() const override;
};

/// A clock that stands still, for tests and offline judgements.
class FixedClock final : public Clock {
public:
  explicit FixedClock(Timestamp at) : at_(at) {}
  [[nodiscard]] Timestamp now() const override { return at_; }

private:
  Timestamp at_;
};

/// "2026-11-21T13:20:25Z" (UTC, seconds).
std::string to_iso(Timestamp at);
/// Reads "2026-11-21", "2026-11-21T13:20:25Z" or PostgreSQL's "2026-11-21 13:20:25.123456+00" (any
/// UTC offset).
Result<Timestamp> parse_timestamp(std::string_view text);

} // namespace pgkeep::base
