// A container's limits count, not the machine's: the smallest limit on the way from our own control
// group up to the root.
#include "catalog/host.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/cores.h"
#include "base/files.h"
#include "base/text.h"
#include "catalog/host_sources.h"

namespace pgkeep::catalog {
namespace {

namespace fs = std::filesystem;

constexpr base::Bytes kSmallFileMax{4 * base::kMiB};
constexpr int kTablespacesMax = 100;

/// The text of a small file; nothing where it cannot be read.
std::optional<std::string> text_of(const fs::path& path) {
  auto text = base::read_file_if_exists(path, kSmallFileMax);
  if (!text || !*text) return std::nullopt;
  return std::string(base::trim(**text));
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  text = base::trim(text);
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop == text.data()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> integer_in(const fs::path& path) {
  const std::optional<std::string> text = text_of(path);
  return text ? integer_of(*text) : std::nullopt;
}

std::int32_t small_in(const fs::path& path) {
  const std::int64_t value = integer_in(path).value_or(-1);
  return std::in_range<std::int32_t>(value) ? static_cast<std::int32_t>(value) : -1;
}

/// "MemTotal:       16384 kB" of /proc/meminfo: the number alone.
std::int64_t meminfo_of(std::string_view meminfo, std::string_view name) {
  for (const std::string& line : base::split(meminfo, '\n')) {
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') {
      return integer_of(std::string_view(line).substr(name.size() + 1)).value_or(0);
    }
  }
  return 0;
}

/// The control group of this process in the hierarchy of a controller ("" = version 2):
/// "/system.slice/x".
std::optional<std::string> own_group(const fs::path& root, std::string_view controller) {
  const std::optional<std::string> groups = text_of(root / "proc/self/cgroup");
  if (!groups) return std::nullopt;
  for (const std::string& line : base::split(*groups, '\n')) {
    const std::vector<std::string> parts = base::split(line, ':');
    if (parts.size() < 3) continue;
    const std::vector<std::string> controllers = base::split(parts[1], ',');
    const bool is_it = controller.empty()
                           ? parts[1].empty()
                           : std::ranges::find(controllers, controller) != controllers.end();
    if (is_it) return parts[2];
  }
  return std::nullopt;
}

/// The folders of a group and of all above it. Inside a container the path often names the host's
/// tree, of which only the top is seen.
std::vector<fs::path> group_folders(const fs::path& mount, const std::string& group) {
  std::vector<fs::path> folders;
  for (fs::path at = fs::path(group).relative_path(); !at.empty(); at = at.parent_path()) {
    folders.push_back(mount / at);
  }
  folders.push_back(mount);
  return folders;
}

struct Limits {
  std::optional<std::int64_t> memory_bytes;
  std::optional<double> cores;
};

template <typename T>
void lower(std::optional<T>& limit, T value) {
  if (!limit || value < *limit) limit = value;
}

/// "max 100000" or "150000 100000": microseconds of CPU time per period.
void take_cpu_max(const fs::path& file, Limits& limits) {
  const std::optional<std::string> text = text_of(file);
  if (!text) return;
  const std::vector<std::string> words = base::split_words(*text);
  if (words.size() != 2) return;
  const auto quota = integer_of(words[0]);
  const auto period = integer_of(words[1]);
  if (quota && period && *quota > 0 && *period > 0) {
    lower(limits.cores, static_cast<double>(*quota) / static_cast<double>(*period));
  }
}

Limits group_limits(const fs::path& root) {
  Limits limits;
  const fs::path mount = root / "sys/fs/cgroup";
  if (const auto group = own_group(root, "")) {
    for (const fs::path& folder : group_folders(mount, *group)) {
      if (const auto bytes = integer_in(folder / "memory.max")) lower(limits.memory_bytes, *bytes);
      take_cpu_max(folder / "cpu.max", limits);
    }
  }
  if (const auto group = own_group(root, "memory")) {
    for (const fs::path& folder : group_folders(mount / "memory", *group)) {
      if (const auto bytes = integer_in(folder / "memory.limit_in_bytes"))
        lower(limits.memory_bytes, *bytes);
    }
  }
  if (const auto group = own_group(root, "cpu")) {
    for (const fs::path& folder : group_folders(mount / "cpu", *group)) {
      const auto quota = integer_in(folder / "cpu.cfs_quota_us");
      const auto period = integer_in(folder / "cpu.cfs_period_us");
      if (quota && period && *quota > 0 && *period > 0) {
        lower(limits.cores, static_cast<double>(*quota) / static_cast<double>(*period));
      }
    }
  }
  return limits;
}

bool is_in_container(const fs::path& root) {
  std::error_code ignored;
  for (const char* mark : {".dockerenv", "run/.containerenv", "run/systemd/container"}) {
    if (fs::exists(root / mark, ignored)) return true;
  }
  const std::string groups = text_of(root / "proc/1/cgroup").value_or("");
  for (const std::string_view name : {"docker", "kubepods", "containerd", "/lxc/", "libpod"}) {
    if (groups.find(name) != std::string::npos) return true;
  }
  return false;
}

/// "always [madvise] never": the word in brackets.
std::string chosen_word(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return {};
  return std::string(text.substr(open + 1, close - open - 1));
}

std::int32_t cores_of(const fs::path& root, const Limits& limits) {
  // "processor : 3" for every core that is online.
  std::int64_t cores = 0;
  if (const auto cpuinfo = text_of(root / "proc/cpuinfo")) {
    for (const std::string& line : base::split(*cpuinfo, '\n'))
      cores += line.starts_with("processor") ? 1 : 0;
  }
  const std::int64_t allowed = base::allowed_cores();
  if (root == "/" && (cores == 0 || allowed < cores)) cores = allowed;
  if (limits.cores) {
    const auto limit = static_cast<std::int64_t>(std::ceil(*limits.cores));
    if (cores == 0 || limit < cores) cores = std::max<std::int64_t>(limit, 1);
  }
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(cores, std::numeric_limits<std::int32_t>::max()));
}

/// The block device that holds a path, also where the file system has a number of its own (btrfs,
/// overlay): by /proc/self/mountinfo.
std::optional<dev_t> device_of(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (major(status.st_dev) != 0) return status.st_dev;
  const std::string wanted = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  const std::string mounts = text_of("/proc/self/mountinfo").value_or("");
  for (const std::string& line : base::split(mounts, '\n')) {
    const std::vector<std::string> words = base::split(line, ' ');
    if (words.size() < 10 || words[2] != wanted) continue;
    const auto dash = std::ranges::find(words, "-");
    if (words.end() - dash < 3) continue;
    struct stat device{};
    if (::stat(dash[2].c_str(), &device) == 0 && S_ISBLK(device.st_mode)) return device.st_rdev;
  }
  return std::nullopt;
}

std::int32_t is_rotational(const fs::path& path) {
  const std::optional<dev_t> device = device_of(path);
  if (!device) return -1;
  const fs::path folder = fmt::format("/sys/dev/block/{}:{}", major(*device), minor(*device));
  // A partition has no queue of its own: that of the disk above it.
  for (const char* queue : {"queue/rotational", "../queue/rotational"}) {
    if (const auto value = integer_in(folder / queue)) return *value != 0 ? 1 : 0;
  }
  return -1;
}

void add_disk(Host& host, std::string role, const fs::path& path) {
  const auto space = base::disk_space(path);
  if (!space) return; // Not ours to see.
  std::error_code ignored;
  const fs::path real = fs::canonical(path, ignored);
  host.disks.push_back({.role = std::move(role),
                        .path = real.empty() ? path.string() : real.string(),
                        .total_bytes = space->total_bytes,
                        .free_bytes = space->free_bytes});
}

void add_disks(Host& host, const fs::path& data) {
  add_disk(host, "data", data);
  add_disk(host, "wal", data / "pg_wal");
  std::error_code error;
  std::vector<fs::path> spaces;
  for (fs::directory_iterator at(data / "pg_tblspc", error);
       !error && at != fs::directory_iterator(); at.increment(error)) {
    if (spaces.size() < kTablespacesMax) spaces.push_back(at->path());
  }
  std::ranges::sort(spaces);
  // The link's name is the tablespace's oid; the server knows its name.
  for (const fs::path& each : spaces)
    add_disk(host, "tablespace " + each.filename().string(), each);
}

/// Where the postmaster's stderr goes: its log, where nothing else is set up. Only its user and
/// root may look.
std::string stderr_of_server(const fs::path& data) {
  const std::string pid_file = text_of(data / "postmaster.pid").value_or("");
  const auto pid = integer_of(pid_file);
  if (!pid || *pid <= 1) return {};
  std::error_code error;
  const std::string target = fs::read_symlink(fmt::format("/proc/{}/fd/2", *pid), error).string();
  if (error || target.empty()) return {};
  if (target == "/dev/null") return "null";
  if (target.starts_with("pipe:")) return "pipe";
  if (target.starts_with("socket:")) return "socket";
  for (const std::string_view terminal : {"/dev/pts/", "/dev/tty", "/dev/console"}) {
    if (target.starts_with(terminal)) return "terminal";
  }
  return "file";
}

std::int32_t clock_state() {
  struct timex state{};
  const int answer = ::adjtimex(&state);
  if (answer < 0) return -1;
  return answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0 ? 0 : 1;
}

} // namespace

Host read_host_files(const std::filesystem::path& root) {
  Host host;
  const std::string meminfo = text_of(root / "proc/meminfo").value_or("");
  const Limits limits = group_limits(root);
  host.ram_bytes = meminfo_of(meminfo, "MemTotal") * base::kKiB;
  if (limits.memory_bytes && (host.ram_bytes == 0 || *limits.memory_bytes < host.ram_bytes)) {
    host.ram_bytes = *limits.memory_bytes;
  }
  host.cores = cores_of(root, limits);
  host.overcommit_memory = small_in(root / "proc/sys/vm/overcommit_memory");
  host.swappiness = small_in(root / "proc/sys/vm/swappiness");
  host.transparent_huge_pages =
      chosen_word(text_of(root / "sys/kernel/mm/transparent_hugepage/enabled").value_or(""));
  host.huge_pages_total = meminfo_of(meminfo, "HugePages_Total");
  host.huge_pages_free = meminfo_of(meminfo, "HugePages_Free");
  host.is_container = is_in_container(root);
  host.tcp_keepalive_time_s = small_in(root / "proc/sys/net/ipv4/tcp_keepalive_time");
  return host;
}

Host read_host(const std::string& data_directory) {
  Host host = read_host_files("/");
  if (!data_directory.empty()) {
    add_disks(host, data_directory);
    host.rotational = is_rotational(data_directory);
    host.server_stderr = stderr_of_server(data_directory);
  }
  host.clock_synchronised = clock_state();
  return host;
}

} // namespace pgkeep::catalog
