/// Child processes: run to the end and collect, or spawn and keep.
///
/// Secrets never go into argv or the environment: pass files or stdin. The environment of a child
/// is built from nothing but PATH, LANG=C.UTF-8, TZ and what the caller adds. After fork only
/// async-signal-safe calls are made.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace pgkeep::base {

struct ProcessOptions {
  std::vector<std::string> argv;             ///< argv[0] is a path or a name looked up in PATH.
  std::vector<std::string> environment = {}; ///< "NAME=value", added to the minimal environment.
  std::optional<Account> run_as = {};        ///< Drop to this account (only as root).
  std::filesystem::path working_directory = "/";
  std::string stdin_text = {}; ///< Written to the child's standard input, then closed.
  std::chrono::milliseconds time_limit{60'000}; ///< The child is killed (SIGKILL) after this.
};

struct ProcessOutput {
  int exit_status = 0; ///< 128 + signal when it was killed by one.
  std::string out;
  std::string err;
};

inline constexpr Bytes kProcessOutputMax{16 * kMiB};

/// Runs to the end. Errors: io (cannot be started), timeout. A non-zero exit status is no error
/// here.
Result<ProcessOutput> run_process(const ProcessOptions& options);
/// Like run_process, but a non-zero exit status is an error whose `what` names the program and its
/// last line of stderr.
Result<std::string> run_checked(const ProcessOptions& options);

struct SpawnOptions {
  std::vector<std::string> argv;
  std::vector<std::string> environment = {};
  std::optional<Account> run_as = {};
  std::filesystem::path working_directory = "/";
  std::filesystem::path output_file = "/dev/null"; ///< stdout and stderr are appended there.
  bool own_session = true; ///< setsid, so that a terminal's Ctrl-C does not reach it.
};
/// Starts a process that outlives this call. stdin is /dev/null. Returns its pid.
Result<pid_t> spawn_process(const SpawnOptions& options);

/// Identity of a running process that survives pid reuse: pid and kernel start time (field 22 of
/// /proc/PID/stat).
struct ProcessId {
  pid_t pid = 0;
  std::int64_t start_ticks = 0;
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
std::optional<ProcessId> identify_process(pid_t pid);
bool is_running(const ProcessId& id);
/// The full path of this program.
std::filesystem::path own_executable();
bool is_root();
/// Waits until the condition holds, polling with pauses from 5 to 100 ms; false when the deadline
/// passed.
template <typename Condition>
bool wait_until(std::chrono::milliseconds limit, Condition condition);

/// A pause of the current thread; the only place that sleeps.
void pause_for(std::chrono::milliseconds duration);

template <typename Condition>
bool wait_until(std::chrono::milliseconds limit, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::chrono::milliseconds pause{5};
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    pause_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds{100});
  }
  return true;
}

} // namespace pgkeep::base
