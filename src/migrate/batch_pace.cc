#include "migrate/batch_pace.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/process.h"
#include "base/text.h"
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
constexpr int kLooksBefore = 3;
constexpr milliseconds kBetweenLooks{20};
/// As many that wait at one moment are no load.
constexpr std::int64_t kFewWaiting = 3;
constexpr int kRestMax = 8;

constexpr std::string_view kLook = R"(
SELECT (SELECT coalesce(max(extract(epoch FROM replay_lag) * 1000)::bigint, 0)
          FROM pg_catalog.pg_stat_replication),
       count(*),
       count(*) FILTER (WHERE wait_event_type IN ('Lock', 'IO', 'LWLock', 'BufferPin'))
  FROM pg_catalog.pg_stat_activity
 WHERE state = 'active' AND backend_type = 'client backend')";

} // namespace

Pace::Pace(postgres::Connection& eyes, PaceOptions options, std::function<void(Event)> tell)
    : eyes_(eyes), options_(options), tell_(std::move(tell)),
      size_(std::min(kSizeFirst, options.size_max)), looked_(Steady::now()) {}

void Pace::adapt(milliseconds took, std::int64_t rows) {
  took_ = took;
  if (rows < size_) return; // The last batch says nothing.
  const double ms = std::max<double>(1.0, static_cast<double>(took.count()));
  const double factor = std::clamp(static_cast<double>(options_.target.count()) / ms, 0.5, 1.5);
  size_ = std::clamp(static_cast<std::int64_t>(static_cast<double>(size_) * factor), kSizeMin,
                     std::max(options_.size_max, kSizeMin));
}

void Pace::shrink() {
  size_ = std::max(size_ / 2, std::min(kSizeMin, options_.size_max));
}

base::Result<Pace::Look> Pace::look() {
  PGKEEP_TRY(const postgres::Rows rows, eyes_.query(std::string(kLook)));
  return Look{.lag_ms = base::integer_or(rows.text(0, 0), 0),
              .active = base::integer_or(rows.text(0, 1), 0),
              .waiting = base::integer_or(rows.text(0, 2), 0)};
}

/// How many wait without us.
base::Result<> Pace::begin() {
  has_begun_ = true;
  for (int i = 0; i < kLooksBefore; ++i) {
    if (i > 0) base::pause_for(kBetweenLooks);
    PGKEEP_TRY(const Look before, look());
    waiting_before_ = std::max(waiting_before_, before.waiting);
  }
  return {};
}

void Pace::weigh(const Look& now) {
  const bool is_loaded = now.waiting > 2 * waiting_before_ + kFewWaiting;
  const int before = rest_;
  rest_ = is_loaded ? std::clamp(2 * rest_, 1, kRestMax) : rest_ / 2;
  if (is_loaded && before == 0)
    tell_({.kind = "waiting",
           .text = fmt::format("{} sessions wait for locks or the disk, {} did before: rests "
                               "between batches",
                               now.waiting, waiting_before_)});
}

base::Result<> Pace::rest() {
  if (rest_ == 0) return {};
  const milliseconds pause = rest_ * took_;
  base::pause_for(pause);
  waited_ += pause;
  if (base::is_interrupted())
    return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
  return {};
}

base::Result<> Pace::wait_while_behind() {
  const auto from = Steady::now();
  while (true) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    PGKEEP_TRY(const Look now, look());
    looked_ = Steady::now();
    const bool is_behind = now.lag_ms > options_.lag_max.count();
    const bool is_busy = options_.active_max > 0 && now.active > options_.active_max;
    if (!is_behind && !is_busy) {
      weigh(now);
      break;
    }
    tell_({.kind = "waiting",
           .text = is_behind ? fmt::format("a standby is {} behind",
                                           base::human_duration(milliseconds{now.lag_ms}))
                             : fmt::format("{} sessions are at work", now.active)});
    base::pause_for(kPause);
  }
  waited_ += duration_cast<milliseconds>(Steady::now() - from);
  return {};
}

base::Result<> Pace::throttle() {
  if (!has_begun_) PGKEEP_CHECK(begin());
  PGKEEP_CHECK(rest());
  if (Steady::now() - looked_ < kLookEvery) return {};
  return wait_while_behind();
}

} // namespace pgkeep::migrate
