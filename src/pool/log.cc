#include "pool/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace pgkeep::pool {
namespace {

constexpr std::chrono::milliseconds kGather{10};

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

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return; // Nobody can be told that the log cannot be written.
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

} // namespace

Log::Log(base::Fd file)
    : file_(std::move(file)), pid_(::getpid()),
      writer_([this](const std::stop_token& stop) { run(stop); }) {}

Log::~Log() {
  writer_.request_stop();
}

void Log::take_file(base::Fd file) {
  {
    const std::lock_guard lock(mutex_);
    next_file_ = std::move(file);
  }
  wake_.notify_one();
}

void Log::put(std::string_view level, std::string_view text) {
  std::string line = fmt::format("{} [{}] {} ", timestamp(), pid_, level);
  for (const char c : text.substr(0, kLineBytesMax))
    line.push_back(static_cast<unsigned char>(c) < ' ' ? '?' : c);
  line.push_back('\n');
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > kBytesMax) {
      ++lost_;
      return;
    }
    is_first = waiting_.empty();
    waiting_ += line;
  }
  if (is_first) wake_.notify_one();
}

void Log::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "pool-log");
  for (bool is_over = false; !is_over;) {
    std::string text;
    {
      std::unique_lock lock(mutex_);
      is_over = !wake_.wait(lock, stop, [this] { return !waiting_.empty() || next_file_; });
      // What comes in the next moment goes along: a line may then cost no system call at all.
      if (!is_over) wake_.wait_for(lock, stop, kGather, [] { return false; });
      text = std::exchange(waiting_, {});
      if (next_file_) file_ = *std::exchange(next_file_, {});
      if (const std::size_t lost = std::exchange(lost_, 0); lost > 0)
        text +=
            fmt::format("{} [{}] WARNING {} lines of the log were lost\n", timestamp(), pid_, lost);
    }
    write_all(STDERR_FILENO, text);
    if (file_.is_open()) write_all(file_.get(), text);
  }
}

base::Result<base::Fd> open_log(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open())
    return base::Error{
        .code = base::Code::io, .what = std::generic_category().message(errno), .where = path};
  return file;
}

} // namespace pgkeep::pool
