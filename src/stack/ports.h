/// Which TCP ports a stack has.
///
/// The application's port (`--port`, else 5432 or the next free one) is the pooler's. The server
/// has one of its own for sessions past the pooler: `--direct-port`, else 10,000 above, or the next
/// free one. Not 1000 above: 6432 is where PgBouncer's clients look for a pooler.
///
/// A stack of an older pgkeep has them the other way round (the server on the application's port,
/// the pooler 1000 above) and keeps them, since programs know them, until `--direct-port` asks for
/// the new way. The demo has no pooler. Threads: none; no state.
#pragma once

#include <optional>

#include "base/result.h"
#include "stack/layout.h"

namespace pgkeep::stack {

struct Ports {
  int server = 0;
  int pooler = 0; ///< 0: the demo, which has none.
  bool pooler_has_app_port = false;

  bool operator==(const Ports&) const = default;
};
Ports ports_of(const State& state);

struct WantedPorts {
  std::optional<int> application = {}; ///< --port.
  std::optional<int> direct = {};      ///< --direct-port.
  bool is_demo = false;
};
/// Those that are recorded, where nothing else is wanted. Errors: usage for one port for both.
base::Result<Ports> choose_ports(const std::optional<State>& known, const WantedPorts& wanted);

/// Whether who runs has that port already, and whoever does not can have it. A server keeps its
/// port until it is started anew, and those who are connected would lose their sessions by that:
/// nobody does it in passing.
base::Result<> require_ports(const Layout& layout, const std::optional<State>& known,
                             const Ports& ports);

} // namespace pgkeep::stack
