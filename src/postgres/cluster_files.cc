#include "postgres/cluster_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <limits>

#include "base/text.h"

namespace pgkeep::postgres {
namespace {

constexpr std::uintmax_t kTailBytesMax = 8192;
constexpr std::size_t kTailLinesMax = 5;
/// Lines of a start that say nothing about why it failed.
constexpr std::array<std::string_view, 3> kNoise = {
    "LOG:  starting PostgreSQL ", "LOG:  listening on ", "LOG:  database system is shut down"};

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  text = base::trim(text);
  Number value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

} // namespace

std::optional<PostmasterPid> parse_postmaster_pid(std::string_view text) {
  // LOCK_FILE_LINE_PID 1, DATA_DIR 2, START_TIME 3, PORT 4, SOCKET_DIR 5, LISTEN_ADDR 6, SHMEM_KEY
  // 7, PM_STATUS 8.
  const std::vector<std::string> lines = base::split(text, '\n');
  const auto line = [&](std::size_t number) {
    return number <= lines.size() ? std::string(base::trim(lines[number - 1])) : std::string();
  };
  const auto pid = parse_number<std::int32_t>(line(1));
  if (!pid || *pid == 0 || *pid == std::numeric_limits<std::int32_t>::min()) return std::nullopt;
  PostmasterPid found;
  found.process.pid = *pid < 0 ? -*pid : *pid;
  found.data = line(2);
  found.start_epoch_s = parse_number<std::int64_t>(line(3)).value_or(0);
  found.port = parse_number<int>(line(4)).value_or(0);
  found.socket_directory = line(5);
  found.listen_address = line(6);
  found.status = *pid < 0 ? "single-user" : line(8);
  return found;
}

std::string log_tail(const std::filesystem::path& log_file, std::uintmax_t from_bytes) {
  std::error_code error;
  const std::uintmax_t total = std::filesystem::file_size(log_file, error);
  if (error || total <= from_bytes) return {};
  const std::uintmax_t begin =
      total - from_bytes > kTailBytesMax ? total - kTailBytesMax : from_bytes;
  std::ifstream stream(log_file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(begin));
  std::string text(static_cast<std::size_t>(total - begin), '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));

  std::vector<std::string> lines;
  for (const std::string& line : base::split(text, '\n')) {
    const std::string_view part = base::trim(line);
    const auto is_in = [&](std::string_view noise) {
      return part.find(noise) != std::string_view::npos;
    };
    if (!part.empty() && std::ranges::none_of(kNoise, is_in)) lines.emplace_back(part);
  }
  if (lines.size() > kTailLinesMax)
    lines.erase(lines.begin(), lines.end() - std::ptrdiff_t{kTailLinesMax});
  return base::join(lines, " | ");
}

} // namespace pgkeep::postgres
