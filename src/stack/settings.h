/// The server's settings, computed from the machine it runs on. Pure.
#pragma once

#include <string>
#include <vector>

#include "catalog/host.h"
#include "stack/layout.h"

namespace pgkeep::stack {

struct ServerSetting {
  std::string name;
  std::string value;
  std::string why; ///< One line for the file: the formula and its source.
};

inline constexpr int kMaxConnections =
    100; ///< The guides' default: more clients belong to a pooler.

/// For a server that shares the machine with nothing bigger: memory, checkpoints, WAL, autovacuum,
/// planner, logging, timeouts, TLS.
std::vector<ServerSetting> production_settings(const catalog::Host& host, const Layout& layout,
                                               int port, int major);
/// For the demo server: what one finds on machines that nobody looks after.
std::vector<ServerSetting> demo_settings(const Layout& layout, int port);
/// As a configuration file with its comments.
std::string settings_file(const std::vector<ServerSetting>& settings);

} // namespace pgkeep::stack
