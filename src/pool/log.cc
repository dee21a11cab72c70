#include "pool/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "pool/pool.h"

namespace pgkeep::pool {
namespace {

constexpr std::chrono::milliseconds kGather{10};
constexpr mode_t kFileMode = 0666; ///< Less the umask: as PgBouncer's, others may ship it.

/// "2026-11-29 10:20:06.314 UTC", in the machine's time zone.
std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  struct Second {
    std::time_t seconds = 0;
    std::string date;
    std::string zone;
  };
  static thread_local Second last; // Most lines are of the second of the one before.
  if (last.seconds == seconds) return fmt::format("{}.{:03} {}", last.date, ms, last.zone);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  std::array<char, 16> zone{};
  const std::size_t date_size =
      std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &parts);
  const std::size_t zone_size = std::strftime(zone.data(), zone.size(), "%Z", &parts);
  last = {.seconds = seconds,
          .date = std::string(date.data(), date_size),
          .zone = std::string(zone.data(), zone_size)};
  return fmt::format("{}.{:03} {}", last.date, ms, last.zone);
}

struct Facility {
  std::string_view name;
  int number;
};
constexpr Facility kFacilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"daemon", LOG_DAEMON},
    {"user", LOG_USER},     {"local0", LOG_LOCAL0},     {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},     {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},     {"local7", LOG_LOCAL7},
};

struct Level {
  std::string_view name;
  int priority;
};
constexpr Level kLevels[] = {{"FATAL", LOG_CRIT},
                             {"ERROR", LOG_ERR},
                             {"WARNING", LOG_WARNING},
                             {"LOG", LOG_INFO},
                             {"DEBUG", LOG_DEBUG}};

int priority_of(std::string_view level) {
  const auto* const found = std::ranges::find(kLevels, level, &Level::name);
  return found == std::end(kLevels) ? LOG_INFO : found->priority;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return; // Nobody can be told that the log cannot be written.
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

} // namespace

Log::Log(LogTargets targets) : is_quiet_(targets.is_quiet), pid_(::getpid()) {
  use(std::move(targets));
  uses_syslog_.store(targets_.uses_syslog);
  writer_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Log::~Log() {
  close();
  if (targets_.uses_syslog) ::closelog();
}

void Log::close() {
  writer_.request_stop();
  if (writer_.joinable()) writer_.join();
}

void Log::set_targets(LogTargets targets) {
  const std::lock_guard lock(mutex_);
  uses_syslog_.store(targets.uses_syslog);
  next_targets_ = std::move(targets);
}

/// syslog(3) keeps the pointer to its name: it must stay where it is.
void Log::use(LogTargets targets) {
  if (targets_.uses_syslog) ::closelog();
  targets_ = std::move(targets);
  if (targets_.uses_syslog)
    ::openlog(targets_.syslog_ident.c_str(), LOG_PID, targets_.syslog_facility);
}

void Log::put(std::string_view level, std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (const char c : text.substr(0, kLineBytesMax))
    shown.push_back(static_cast<unsigned char>(c) < ' ' ? '?' : c);
  const std::string line = fmt::format("{} [{}] {} {}\n", timestamp(), pid_, level, shown);
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > kBytesMax) {
      ++lost_;
      return;
    }
    is_first = waiting_.empty();
    waiting_ += line;
    if (uses_syslog_.load(std::memory_order_relaxed))
      for_syslog_.push_back({.level = level, .text = std::move(shown)});
  }
  if (is_first) wake_.notify_one();
}

void Log::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "pool-log");
  for (bool is_over = false; !is_over;) {
    std::string text;
    std::vector<SyslogLine> lines;
    std::optional<LogTargets> targets;
    {
      std::unique_lock lock(mutex_);
      is_over = !wake_.wait(lock, stop, [this] { return !waiting_.empty(); });
      // What comes in the next moment goes along: a line may then cost no system call at all.
      if (!is_over) wake_.wait_for(lock, stop, kGather, [] { return false; });
      text = std::exchange(waiting_, {});
      lines = std::exchange(for_syslog_, {});
      targets = std::exchange(next_targets_, {});
      if (const std::size_t lost = std::exchange(lost_, 0); lost > 0)
        text +=
            fmt::format("{} [{}] WARNING {} lines of the log were lost\n", timestamp(), pid_, lost);
    }
    if (targets) use(*std::move(targets));
    write(text, lines);
  }
}

void Log::write(std::string_view text, const std::vector<SyslogLine>& lines) const {
  if (!targets_.is_quiet) write_all(STDERR_FILENO, text);
  if (targets_.file.is_open()) write_all(targets_.file.get(), text);
  if (!targets_.uses_syslog) return;
  for (const SyslogLine& line : lines)
    ::syslog(priority_of(line.level), "%s", line.text.c_str());
}

std::optional<int> syslog_facility_of(std::string_view name) {
  const auto* const found = std::ranges::find(kFacilities, name, &Facility::name);
  return found == std::end(kFacilities) ? std::nullopt : std::optional(found->number);
}

base::Result<LogTargets> log_targets_of(const Settings& settings, bool is_quiet) {
  LogTargets targets{
      .is_quiet = is_quiet, .uses_syslog = settings.syslog, .syslog_ident = settings.syslog_ident};
  if (!settings.logfile.empty()) {
    targets.file = base::Fd(
        ::open(settings.logfile.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kFileMode));
    if (!targets.file.is_open())
      return base::Error{.code = base::Code::io,
                         .what = std::generic_category().message(errno),
                         .where = settings.logfile};
  }
  targets.syslog_facility = syslog_facility_of(settings.syslog_facility).value_or(LOG_DAEMON);
  return targets;
}

std::string log_text_of(const base::Error& error) {
  base::Error told = error;
  const bool is_of_file = error.code == base::Code::config || error.code == base::Code::unsupported;
  if (is_of_file && !told.where.empty()) {
    if (told.what.ends_with('.')) told.what.pop_back();
    told.what += fmt::format(" in configuration ({})", std::exchange(told.where, {}));
  }
  return base::printable(to_line(told).substr(std::string_view("error: ").size()));
}

void tell_problems(Log& log, const std::vector<FileProblem>& problems) {
  for (const FileProblem& each : problems) {
    if (each.kind == FileProblem::Kind::error) {
      log.error(each.text());
    } else {
      log.warning(each.text());
    }
  }
}

} // namespace pgkeep::pool
