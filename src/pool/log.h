/// The log in PgBouncer's form, to standard error or the file of `logfile`:
/// "2026-11-29 10:20:06.314 UTC [17933] LOG process up: ...".
///
/// Private to src/pool. Lines are put into a buffer and written by a thread of their own, so that a
/// full pipe stops nobody's queries; where the buffer is full lines are counted instead. Threads:
/// any. Source: what PgBouncer 1.18 writes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"
#include "base/result.h"

namespace pgkeep::pool {

class Log {
public:
  static constexpr std::size_t kBytesMax = 4U << 20U;
  static constexpr std::size_t kLineBytesMax = 4096;

  /// To standard error, and to that file as well where one is named. Errors: Code::io.
  explicit Log(base::Fd file = {});
  ~Log();
  Log(const Log&) = delete;
  Log(Log&&) = delete;
  Log& operator=(const Log&) = delete;
  Log& operator=(Log&&) = delete;

  /// What is written from now on goes there; the old file is closed. As logrotate wants it.
  void take_file(base::Fd file);
  void info(std::string_view text) { put("LOG", text); }
  void warning(std::string_view text) { put("WARNING", text); }
  void error(std::string_view text) { put("ERROR", text); }
  void debug(std::string_view text) { put("DEBUG", text); } ///< Only where `verbose` asks for it.

private:
  void put(std::string_view level, std::string_view text);
  void run(const std::stop_token& stop);

  base::Fd file_;
  const int pid_;
  std::mutex mutex_; // guards waiting_, lost_ and next_file_
  std::condition_variable_any wake_;
  std::string waiting_;
  std::size_t lost_ = 0;
  std::optional<base::Fd> next_file_; ///< Of take_file(), for the writer.
  std::jthread writer_;               // Last: it uses the rest.
};

/// Errors: Code::io.
base::Result<base::Fd> open_log(const std::string& path);

} // namespace pgkeep::pool
