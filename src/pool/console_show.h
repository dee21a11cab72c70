/// SHOW: what the console makes of the picture that all loops give together.
///
/// Private to src/pool. Threads: pure functions. Source: PgBouncer's manual, usage (Show commands):
/// names, order and types of columns are those of 1.25, and all that 1.18 has are among them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/census.h"
#include "pool/directory.h"
#include "pool/host_names.h"
#include "pool/regime.h"
#include "pool/statistics.h"

namespace pgkeep::pool {

struct Picture {
  DirectoryPtr files;
  Regime regime;
  const Averages* averages = nullptr;
  std::string version;
  Micros now = 0;
  std::vector<PoolCensus> pools = {}; ///< Of living databases, by their names and users.
  std::vector<SocketCensus> sockets = {};
  std::map<std::int64_t, PeerCensus> peers = {}; ///< By id: of those that had requests.
  Traffic console = {};
  int console_clients = 0;
  int logins = 0;
  int clients = 0;
  int listeners = 0;
  int restless = 0;
  bool has_killed = false;
  std::vector<HostNames::Known> hosts = {}; ///< Names that were looked up.
  std::vector<HostNames::Zone> zones = {};

  void add(const std::vector<std::unique_ptr<Census>>& counts);
};

/// Whether it needs every client and server.
bool shows_sockets(std::string_view what);
/// Whether only an administrator may see it.
bool is_for_admins(std::string_view what);
/// The whole answer; none where there is nothing of that name. `what` in lower case.
std::optional<std::string> shown(const Picture& picture, std::string_view what);
/// Of a parameter that drivers ask every server for; none where it is none of them.
std::optional<std::string> shown_parameter(std::string_view name);

} // namespace pgkeep::pool
