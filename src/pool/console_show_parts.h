/// What the files of SHOW have in common.
///
/// Private to the console's SHOW. Threads: pure functions.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "pool/console_command.h"
#include "pool/console_rows.h"
#include "pool/console_show.h"

namespace pgkeep::pool {

using ConsoleValues = std::vector<ConsoleValue>;

inline ConsoleValue text_or_null(std::string_view text) {
  return text.empty() ? ConsoleValue() : ConsoleValue(std::string(text));
}
inline ConsoleValue number(std::integral auto value) {
  return ConsoleValue(static_cast<std::int64_t>(value));
}
inline ConsoleValue balance_of(const DatabaseDefinition& database) {
  if (database.hosts.size() < 2) return {};
  return ConsoleValue(database.load_balance_hosts == LoadBalance::disable ? "disable"
                                                                          : "round-robin");
}

// console_show_sockets.cc
std::string show_pools(const Picture& picture);
std::string show_clients(const Picture& picture);
std::string show_servers(const Picture& picture);
std::string show_all_sockets(const Picture& picture);
std::string show_active_sockets(const Picture& picture);
std::string show_fds(const Picture& picture);
// console_show_stats.cc
std::string show_stats(const Picture& picture);
std::string show_stats_totals(const Picture& picture);
std::string show_stats_averages(const Picture& picture);
std::string show_totals(const Picture& picture);
std::string show_extras(const Picture& picture);

} // namespace pgkeep::pool
