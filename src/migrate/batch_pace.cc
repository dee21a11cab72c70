#include "migrate/batch_pace.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/process.h"
#include "base/units.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::int64_t kSizeMin = 50;
constexpr std::int64_t kSizeFirst = 500;
constexpr std::chrono::seconds kLookEvery{1};
constexpr milliseconds kPause{500};

std::int64_t number_of(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

} // namespace

Pace::Pace(postgres::Connection& eyes, PaceOptions options, std::function<void(Event)> tell)
    : eyes_(eyes), options_(options), tell_(std::move(tell)),
      size_(std::min(kSizeFirst, options.size_max)), looked_(Steady::now()) {}

void Pace::adapt(milliseconds took, std::int64_t rows) {
  if (rows < size_) return; // The last batch says nothing.
  const double ms = std::max<double>(1.0, static_cast<double>(took.count()));
  const double factor = std::clamp(static_cast<double>(options_.target.count()) / ms, 0.5, 1.5);
  size_ = std::clamp(static_cast<std::int64_t>(static_cast<double>(size_) * factor), kSizeMin,
                     std::max(options_.size_max, kSizeMin));
}

void Pace::shrink() {
  size_ = std::max(size_ / 2, std::min(kSizeMin, options_.size_max));
}

base::Result<> Pace::throttle() {
  if (Steady::now() - looked_ < kLookEvery) return {};
  const auto from = Steady::now();
  while (true) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_TRY(const postgres::Rows rows,
               eyes_.query(
                   "SELECT coalesce(max(extract(epoch FROM replay_lag) * 1000)::bigint, 0), "
                   "(SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND backend_type "
                   "= 'client backend') FROM pg_stat_replication"));
    const std::int64_t lag_ms = number_of(rows.text(0, 0));
    const std::int64_t active = number_of(rows.text(0, 1));
    const bool is_behind = lag_ms > options_.lag_max.count();
    const bool is_busy = options_.active_max > 0 && active > options_.active_max;
    looked_ = Steady::now();
    if (!is_behind && !is_busy) break;
    tell_({.kind = "waiting",
           .text = is_behind ? fmt::format("a standby is {} behind",
                                           base::human_duration(milliseconds{lag_ms}))
                             : fmt::format("{} sessions are at work", active)});
    base::pause_for(kPause);
  }
  waited_ += duration_cast<milliseconds>(Steady::now() - from);
  return {};
}

} // namespace pgkeep::migrate
