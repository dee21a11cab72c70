/// What was ordered for the pooler as a whole or for a database: pause, no new clients, the end.
///
/// Threads: plain values; a loop has its own and is told of changes. Source: PgBouncer's manual,
/// usage (Process controlling commands).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace pgkeep::pool {

enum class PauseMode : std::uint8_t { none, pause, suspend };
enum class Shutdown : std::uint8_t { none, wait_for_servers, wait_for_clients };

struct DatabaseMarks {
  bool is_paused = false;
  bool is_killed = false; ///< Paused, and clients that come wait even for their greeting.
  bool is_disabled = false;
};
using MarksByDatabase = std::map<std::string, DatabaseMarks, std::less<>>;

struct Regime {
  PauseMode pause = PauseMode::none;
  Shutdown shutdown = Shutdown::none;
  std::int64_t suspend_until_us = 0;            ///< 0: no matter how long it takes.
  std::shared_ptr<const MarksByDatabase> marks; ///< Its owners: the loops, and who made it.

  [[nodiscard]] DatabaseMarks marks_of(const std::string& database) const {
    if (!marks) return {};
    const auto found = marks->find(database);
    return found == marks->end() ? DatabaseMarks{} : found->second;
  }
};

/// Answered by Taken.
struct NewRegime {
  Regime regime;
  std::uint64_t number = 0;
};

} // namespace pgkeep::pool
