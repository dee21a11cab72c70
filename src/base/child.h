/// The start of one child process: private to base, shared by run_process and spawn_process.
///
/// All that allocates is done before fork; the child makes async-signal-safe calls only and tells
/// by a pipe that closes on exec what failed, if anything. Thread-safe. Source: signal-safety(7),
/// fork(2), close_range(2).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/files.h"
#include "base/result.h"

namespace pgkeep::base {

enum class Grouping : std::uint8_t {
  none,
  own_group,   ///< A process group of its own, so that it can be killed with all its children.
  own_session, ///< setsid: no terminal reaches it.
};

struct ChildPlan {
  const std::vector<std::string>& argv;
  const std::vector<std::string>& environment;
  const std::optional<Account>& run_as;
  const std::filesystem::path& working_directory;
  int stdin_fd =
      -1; ///< The three are open in the caller, are copied to 0, 1 and 2, and stay the caller's.
  int stdout_fd = -1;
  int stderr_fd = -1;
  Grouping grouping = Grouping::none;
  bool dies_with_parent = false; ///< SIGTERM when the thread that started it ends.
};

/// Returns once the program runs (exec succeeded) or could not be started. Errors: io, unsupported
/// (another account without root).
Result<pid_t> start_child(const ChildPlan& plan);

/// Both ends close on exec and are above the three standard descriptors.
struct Pipe {
  Fd read_end;
  Fd write_end;
};
Result<Pipe> make_pipe();

} // namespace pgkeep::base
