/// The log in PgBouncer's form, to standard error, the file of `logfile` and syslog:
/// "2026-11-29 10:20:06.314 UTC [17933] LOG process up: ...", of which syslog gets the text alone.
///
/// Private to src/pool. Lines are put into a buffer and written by a thread of their own, so that a
/// full pipe stops nobody's queries; where the buffer is full lines are counted instead. Threads:
/// any. Source: what PgBouncer 1.18 writes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "pool/file_problems.h"
#include "pool/settings.h"

namespace pgkeep::pool {

/// Where lines go to.
struct LogTargets {
  base::Fd file = {};
  bool is_quiet = false; ///< Nothing to standard error.
  bool uses_syslog = false;
  std::string syslog_ident = {};
  int syslog_facility = 0;
};
/// "daemon", "local0"; none where it is not known.
std::optional<int> syslog_facility_of(std::string_view name);
/// As the settings say; a facility that is none is daemon's, as in PgBouncer. Errors: Code::io.
base::Result<LogTargets> log_targets_of(const Settings& settings, bool is_quiet);

class Log {
public:
  static constexpr std::size_t kBytesMax = 4U << 20U;
  static constexpr std::size_t kLineBytesMax = 4096;

  explicit Log(LogTargets targets);
  ~Log();
  Log(const Log&) = delete;
  Log(Log&&) = delete;
  Log& operator=(const Log&) = delete;
  Log& operator=(Log&&) = delete;

  /// What is written from now on goes there; the old file is closed. As logrotate wants it.
  void info(std::string_view text) { put("LOG", text); }
  void warning(std::string_view text) { put("WARNING", text); }
  void error(std::string_view text) { put("ERROR", text); }
  void fatal(std::string_view text) { put("FATAL", text); }
  /// Ask is_verbose() before the text is made.
  void debug(std::string_view text) {
    if (is_verbose()) put("DEBUG", text);
  }
  [[nodiscard]] bool is_verbose() const { return verbosity_.load(std::memory_order_relaxed) > 0; }
  void set_verbosity(int verbosity) { verbosity_.store(verbosity, std::memory_order_relaxed); }
  [[nodiscard]] bool is_quiet() const { return is_quiet_; }
  /// From the next line on.
  void set_targets(LogTargets targets);
  /// Writes what waits; what is said from now on is not written.
  void close();

private:
  struct SyslogLine {
    std::string_view level; ///< A constant.
    std::string text;
  };
  void put(std::string_view level, std::string_view text);
  void run(const std::stop_token& stop);
  void write(std::string_view text, const std::vector<SyslogLine>& lines) const;
  void use(LogTargets targets);

  LogTargets targets_; ///< The writer's alone.
  const bool is_quiet_;
  const int pid_;
  std::atomic<int> verbosity_{0};
  std::atomic<bool> uses_syslog_{false};
  std::mutex mutex_; // guards waiting_, for_syslog_, next_targets_ and lost_
  std::condition_variable_any wake_;
  std::string waiting_;
  std::vector<SyslogLine> for_syslog_;
  std::optional<LogTargets> next_targets_;
  std::size_t lost_ = 0;
  std::jthread writer_; // Last: it uses the rest.
};

/// A line for each.
void tell_problems(Log& log, const std::vector<FileProblem>& problems);

} // namespace pgkeep::pool
