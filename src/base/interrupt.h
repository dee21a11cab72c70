/// Ctrl-C and SIGTERM, noticed instead of fatal: for commands that must leave the server in order.
///
/// Thread-safe. A second signal ends the process as usual.
#pragma once

namespace pgkeep::base {

/// From now on the first SIGINT or SIGTERM only sets a flag.
void catch_interrupts();
[[nodiscard]] bool is_interrupted() noexcept;

} // namespace pgkeep::base
