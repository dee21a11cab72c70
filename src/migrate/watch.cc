#include "migrate/watch.h"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/interrupt.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kGlance{100};

// A build of an index, a vacuum, or else the lock that the backend waits for.
constexpr std::string_view kProgress = R"(
SELECT p.phase || CASE WHEN p.current_locker_pid > 0
                       THEN ', waits for pid ' || p.current_locker_pid ELSE '' END,
       CASE WHEN p.blocks_total > 0 THEN p.blocks_done::float8 / p.blocks_total
            WHEN p.tuples_total > 0 THEN p.tuples_done::float8 / p.tuples_total ELSE -1 END
  FROM pg_catalog.pg_stat_progress_create_index p WHERE p.pid = $1
 UNION ALL
SELECT 'vacuum: ' || v.phase, CASE WHEN v.heap_blks_total > 0
       THEN v.heap_blks_scanned::float8 / v.heap_blks_total ELSE -1 END
  FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = $1
 UNION ALL
SELECT c.command || ': ' || c.phase, CASE WHEN c.heap_blks_total > 0
       THEN c.heap_blks_scanned::float8 / c.heap_blks_total ELSE -1 END
  FROM pg_catalog.pg_stat_progress_cluster c WHERE c.pid = $1
 UNION ALL
SELECT 'waits for ' || a.wait_event_type || coalesce(', held by pid ' ||
         pg_catalog.array_to_string(nullif(pg_catalog.pg_blocking_pids(a.pid), '{}'), ', '), ''), -1
  FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1 AND a.wait_event_type = 'Lock')";

} // namespace

Watch::Watch(postgres::Connection& work, postgres::Connection& eyes, OnSecond on_second)
    : work_(work), eyes_(eyes), on_second_(std::move(on_second)),
      thread_([this](const std::stop_token& stop) { look(stop); }) {}

Watch::~Watch() {
  thread_.request_stop();
  wake_.notify_all();
}

void Watch::look(const std::stop_token& stop) {
  const auto begin = Steady::now();
  auto told = begin;
  bool is_cancelled = false;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kGlance, [&] { return stop.stop_requested(); });
    if (stop.stop_requested()) return;
    if (base::is_interrupted() && !is_cancelled) is_cancelled = work_.cancel().has_value();
    const auto now = Steady::now();
    if (now - told < std::chrono::seconds{1}) continue;
    told = now;
    tell(std::chrono::duration<double>(now - begin).count());
  }
}

void Watch::tell(double seconds) {
  std::string text = fmt::format("{:.0f} s", seconds);
  double fraction = -1;
  if (!work_.is_pooled()) {
    const std::optional<std::string> pid[] = {fmt::format("{}", work_.backend_pid())};
    const auto rows = eyes_.query(std::string(kProgress), pid);
    if (rows && rows->count() > 0) {
      text += fmt::format(", {}", rows->text(0, 0));
      const std::string_view number = rows->text(0, 1);
      std::from_chars(number.data(), number.data() + number.size(), fraction);
    }
  }
  on_second_(text, fraction);
}

} // namespace pgkeep::migrate
