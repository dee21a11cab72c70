// One line a record, formatted with fmt and written by one write() under a mutex. Our style names
// spdlog here; this much needs no dependency, no second thread and no registry of loggers. The time
// is the machine's: a log says when things were written, so it does not take a Clock.
#include "base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/io_error.h"
#include "base/text.h"

namespace pgkeep::base::log {

namespace {

constexpr std::chrono::seconds kRepeatWindow{10};
constexpr int kRepeatsMax = 20; // Of one message in a window; the rest is counted.
constexpr std::size_t kMessagesCountedMax =
    256; // Messages are constants, so there are fewer than this.

struct Repeats {
  std::chrono::steady_clock::time_point window_start;
  int count = 0;
  std::int64_t dropped = 0;
};

struct Sink {
  std::mutex mutex; // guards file and repeats
  Fd file;          // Closed: standard error.
  std::map<std::string, Repeats, std::less<>> repeats;
};

std::atomic<Level> level_min{Level::info};

Sink& sink() {
  static Sink only;
  return only;
}

std::string_view name_of_level(Level level) {
  constexpr std::array<std::string_view, 4> names = {"debug", "info", "warn", "error"};
  return names[static_cast<std::size_t>(level)];
}

/// How many records of this message were left out since the last one that was written; nothing:
/// leave this one out too.
std::optional<std::int64_t> admit(Sink& to, std::string_view message) {
  const auto now = std::chrono::steady_clock::now();
  auto found = to.repeats.find(message);
  if (found == to.repeats.end()) {
    if (to.repeats.size() >= kMessagesCountedMax) return 0;
    found = to.repeats.emplace(std::string(message), Repeats{.window_start = now}).first;
  }
  Repeats& repeats = found->second;
  if (now - repeats.window_start >= kRepeatWindow) {
    repeats.window_start = now;
    repeats.count = 0;
  }
  if (++repeats.count > kRepeatsMax) {
    ++repeats.dropped;
    return std::nullopt;
  }
  return std::exchange(repeats.dropped, 0);
}

std::string as_text(Level level, std::string_view message, std::initializer_list<Field> fields,
                    std::int64_t dropped) {
  std::string line = fmt::format("{} {:<5} {}", to_iso(SystemClock().now()), name_of_level(level),
                                 printable(message));
  for (const auto& [name, value] : fields)
    line += fmt::format("  {}={}", printable(name), printable(value.to_text()));
  if (dropped > 0) line += fmt::format("  repeats_dropped={}", dropped);
  return line + '\n';
}

std::string as_json(Level level, std::string_view message, std::initializer_list<Field> fields,
                    std::int64_t dropped) {
  Json record{
      {"time", to_iso(SystemClock().now())}, {"level", name_of_level(level)}, {"message", message}};
  for (const auto& [name, value] : fields)
    record.set(std::string(name), value);
  if (dropped > 0) record.set("repeats_dropped", dropped);
  return record.dump() + '\n';
}

// A log that cannot be written must not stop the work, and there is nobody left to tell.
void write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(fd, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

void record(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (level < level_min.load(std::memory_order_relaxed)) return;
  Sink& to = sink();
  const std::lock_guard lock(to.mutex);
  const std::optional<std::int64_t> dropped = admit(to, message);
  if (!dropped) return;
  const int fd = to.file.is_open() ? to.file.get() : STDERR_FILENO;
  write_line(fd, ::isatty(fd) == 1 ? as_text(level, message, fields, *dropped)
                                   : as_json(level, message, fields, *dropped));
}

} // namespace

Result<> open_file(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
  if (!file.is_open()) return io_error(errno, path);
  Sink& to = sink();
  const std::lock_guard lock(to.mutex);
  to.file = std::move(file);
  return {};
}

void set_level(Level level) {
  level_min.store(level, std::memory_order_relaxed);
}
void debug(std::string_view message, std::initializer_list<Field> fields) {
  record(Level::debug, message, fields);
}
void info(std::string_view message, std::initializer_list<Field> fields) {
  record(Level::info, message, fields);
}
void warn(std::string_view message, std::initializer_list<Field> fields) {
  record(Level::warn, message, fields);
}
void error(std::string_view message, std::initializer_list<Field> fields) {
  record(Level::error, message, fields);
}

} // namespace pgkeep::base::log
