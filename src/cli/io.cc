#include "cli/io.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"

namespace pgkeep::cli {
namespace {

constexpr int kColumnsMin = 40;
constexpr int kColumnsMax = 120;
constexpr int kBarColumns = 24;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

int terminal_columns(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return std::clamp<int>(size.ws_col, kColumnsMin, kColumnsMax);
  return 80;
}

bool wants_colour() {
  // NOLINTBEGIN(concurrency-mt-unsafe): called once, before any thread exists.
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const term = std::getenv("TERM");
  // NOLINTEND(concurrency-mt-unsafe)
  if (no_colour != nullptr && *no_colour != '\0') return false;
  return term != nullptr && std::string_view(term) != "dumb";
}

} // namespace

Io Io::standard() {
  Io io;
  io.out_is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  io.err_is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  io.colour_ = io.out_is_terminal_ && wants_colour();
  if (io.out_is_terminal_) io.columns_ = terminal_columns(STDOUT_FILENO);
  return io;
}

void Io::out(std::string_view text) {
  end_progress();
  if (!write_all(STDOUT_FILENO, text)) out_is_whole_ = false;
}

void Io::err(std::string_view text) {
  end_progress();
  write_all(STDERR_FILENO, text);
}

void Io::progress(int done, int total, std::string_view what) {
  if (!err_is_terminal_ || total <= 0) return;
  const int filled = std::clamp(done * kBarColumns / total, 0, kBarColumns);
  std::string bar;
  for (int i = 0; i < kBarColumns; ++i)
    bar += i < filled ? "█" : "░";
  const std::string label = base::ellipsize(base::printable(what), 40);
  write_all(STDERR_FILENO, fmt::format("\r\x1b[K{} {:>3} % {}", bar,
                                       std::clamp(done * 100 / total, 0, 100), label));
  progress_is_drawn_ = true;
}

void Io::step(std::string_view what) {
  err(fmt::format("  {}\n", base::printable(what)));
}

void Io::end_progress() {
  if (!progress_is_drawn_) return;
  progress_is_drawn_ = false;
  write_all(STDERR_FILENO, "\r\x1b[K");
}

} // namespace pgkeep::cli
