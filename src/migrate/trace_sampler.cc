#include "migrate/trace_sampler.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/process.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSampleEvery{1};
constexpr std::chrono::milliseconds kLookEvery{20};

} // namespace

lint::LockMode mode_of(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>(
      {"", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
       "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"});
  const auto found = std::ranges::find(names, name);
  return static_cast<lint::LockMode>(found == names.end() ? 0 : found - names.begin());
}

Sampler::Sampler(postgres::Connection& work, postgres::Connection& eyes, bool reads_locks)
    : work_(work), eyes_(eyes), reads_locks_(reads_locks),
      pid_(fmt::format("{}", work.backend_pid())),
      thread_([this](const std::stop_token& stop) { look(stop); }) {}

void Sampler::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Sampler::sample() {
  const std::optional<std::string> parameters[] = {pid_};
  const auto rows = eyes_.query("SELECT relation, mode FROM pg_locks WHERE pid = $1::int AND "
                                "locktype = 'relation' AND granted AND relation >= 16384",
                                parameters);
  if (!rows) return; // A sample less.
  const auto now = Steady::now();
  for (int row = 0; row < rows->count(); ++row) {
    const auto [at, is_new] = locks_.try_emplace(std::string(rows->text(row, 0)));
    SampledLock& lock = at->second;
    if (is_new) lock.first = now;
    lock.last = now;
    lock.mode = std::max(lock.mode, mode_of(rows->text(row, 1)));
  }
}

void Sampler::look(const std::stop_token& stop) {
  bool is_cancelled = false;
  while (!stop.stop_requested()) {
    if (reads_locks_) sample();
    if (base::is_interrupted() && !is_cancelled) {
      static_cast<void>(work_.cancel());
      is_cancelled = true;
    }
    base::pause_for(reads_locks_ ? kSampleEvery : kLookEvery);
  }
}

} // namespace pgkeep::migrate
