/// The process that keeps one server running, and the pooler in front of it: starts them, adopts
/// what runs already, restarts with back-off, gives the server up loudly (the pooler never: a
/// server without it is better than none).
///
/// It holds DIRECTORY/supervisor.lock while it lives, so there is never a second one; what it knows
/// stands in DIRECTORY/supervisor.json. SIGTERM or SIGINT: stops the server (fast) and ends.
/// SIGHUP: reloads the server and the pooler. Killed with SIGKILL it leaves both running: the next
/// supervisor adopts them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/process.h"
#include "base/result.h"

namespace pgkeep::stack {

/// Five starts that fail or die within a minute, one after the other, and it gives up.
inline constexpr int kFailuresMax = 5;
inline constexpr std::chrono::seconds kHealthyAfter{60};

enum class SupervisorState : std::uint8_t { starting, running, waiting, stopped, gave_up };
std::string_view name_of(SupervisorState state) noexcept;

struct SupervisorRecord {
  base::ProcessId process;
  SupervisorState state = SupervisorState::starting;
  std::int32_t restarts = 0;
  std::string last_error;
  std::optional<base::ProcessId> pooler = {}; ///< As it was when this was written.
  std::int32_t pooler_restarts = 0;
  std::string pooler_error = {};
};
/// nullopt where there is no record yet.
base::Result<std::optional<SupervisorRecord>>
read_supervisor_record(const std::filesystem::path& directory);

/// Runs until it is told to stop or gives up. For the hidden command `pgkeep supervise`.
base::Result<> supervise(const std::filesystem::path& directory);

} // namespace pgkeep::stack
