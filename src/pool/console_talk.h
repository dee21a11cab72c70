/// What loops and the thread that controls the pooler say to each other about the console.
///
/// Private to src/pool. Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pool/cancel_key.h"

namespace pgkeep::pool {

/// What scripts take for PgBouncer's version: its console is spoken here.
inline constexpr std::string_view kConsoleVersion = "PgBouncer 1.25.0";
inline constexpr std::string_view kConsoleServerVersion = "1.25.0/bouncer";

/// A client of the console: its slot may be another's by the time of the answer, its id never.
struct ConsoleAsker {
  int loop = 0;
  std::uint32_t slot = 0;
  std::uint64_t id = 0;
};
struct ConsoleQuery {
  ConsoleAsker who;
  bool is_admin = false;
  std::string label; ///< For the log.
  std::string text;
};
/// It does not want to wait any more.
struct ConsoleCancel {
  ConsoleAsker who;
};
/// It went while it waited.
struct ConsoleGone {
  ConsoleAsker who;
};
/// No client of this process: perhaps one that is still in the process before this one.
struct CancelOfFormer {
  CancelKey key;
};
struct ConsoleReply {
  ConsoleAsker who;
  std::string bytes;
};
/// Everybody in the pools of a database goes; of all, where it has no name.
struct KillDatabase {
  std::string name;
  std::uint64_t number = 0;
};
/// A loop has done the order of that number, and all before it.
struct Taken {
  std::size_t loop = 0;
  std::uint64_t number = 0;
};

} // namespace pgkeep::pool
