// A postmaster is identified by postmaster.pid and by the folder its process works in: the file
// survives a crash, and by then its number may belong to any other process. Where /proc does not
// tell the folder (another account's process), the name of the program must do.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "postgres/cluster.h"
#include "postgres/cluster_files.h"

namespace pgkeep::postgres {
namespace {

namespace fs = std::filesystem;

constexpr base::Bytes kSmallFileMax{16 * base::kKiB};
constexpr std::chrono::milliseconds kKillLimit{10'000};
constexpr int kPortsTried = 1000;

bool is_zombie(pid_t pid) {
  const auto text = base::read_file(fmt::format("/proc/{}/stat", pid), kSmallFileMax);
  if (!text) return true;
  const std::size_t name_end = text->rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text->size() ||
         (*text)[name_end + 2] == 'Z' || (*text)[name_end + 2] == 'X';
}

bool works_in(pid_t pid, const fs::path& data) {
  std::error_code error;
  const fs::path folder = fs::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
  if (!error) return fs::equivalent(folder, data, error);
  const auto name = base::read_file(fmt::format("/proc/{}/comm", pid), kSmallFileMax);
  return name && base::trim(*name) == "postgres";
}

/// Whether the process is gone. One of our own children is reaped, else it would stay as a zombie.
bool is_gone(const base::ProcessId& process) {
  int status = 0;
  if (::waitpid(process.pid, &status, WNOHANG) == process.pid) return true;
  return !base::is_running(process) || is_zombie(process.pid);
}

base::Error start_failed(const StartOptions& options, std::string_view what,
                         std::uintmax_t log_begin) {
  const std::string tail = log_tail(options.log_file, log_begin);
  return {.code = base::Code::io,
          .what = tail.empty() ? std::string(what) : fmt::format("{}: {}", what, tail),
          .where = options.data.string(),
          .hint = fmt::format("See {}.", options.log_file.string())};
}

base::Result<> check_data(const StartOptions& options) {
  PGKEEP_TRY(const std::optional<int> major, data_major_version(options.data));
  if (!major) {
    return base::Error{.code = base::Code::io,
                       .what = "the folder is no PostgreSQL data folder",
                       .where = options.data.string()};
  }
  if (*major != options.binaries.version.major()) {
    return base::Error{
        .code = base::Code::unsupported,
        .what = fmt::format("the data belong to PostgreSQL {}, the server programs to {}", *major,
                            options.binaries.version.major()),
        .where = options.data.string(),
        .hint = fmt::format("Install PostgreSQL {}, or upgrade the data with pg_upgrade.", *major)};
  }
  PGKEEP_TRY(const auto running, running_postmaster(options.data));
  if (running) {
    return base::Error{.code = base::Code::io,
                       .what = fmt::format("a server runs on this folder already, as process {}",
                                           running->process.pid),
                       .where = options.data.string()};
  }
  return {};
}

} // namespace

base::Result<std::optional<PostmasterPid>> running_postmaster(const fs::path& data) {
  PGKEEP_TRY(const std::optional<std::string> text,
             base::read_file_if_exists(data / "postmaster.pid", kSmallFileMax));
  if (!text) return std::nullopt;
  std::optional<PostmasterPid> found = parse_postmaster_pid(*text);
  if (!found) return std::nullopt;
  const std::optional<base::ProcessId> process = base::identify_process(found->process.pid);
  if (!process || is_zombie(process->pid) || !works_in(process->pid, data)) return std::nullopt;
  found->process = *process;
  return found;
}

base::Result<base::ProcessId> start_server(const StartOptions& options) {
  PGKEEP_CHECK(check_data(options));
  std::error_code error;
  const std::uintmax_t size = fs::file_size(options.log_file, error);
  const std::uintmax_t log_begin = error ? 0 : size;
  std::vector<std::string> argv = {(options.binaries.bin / "postgres").string(), "-D",
                                   options.data.string()};
  for (const auto& [name, value] : options.settings) {
    argv.emplace_back("-c");
    argv.push_back(fmt::format("{}={}", name, value));
  }
  PGKEEP_TRY(const pid_t pid, base::spawn_process({.argv = std::move(argv),
                                                   .run_as = options.run_as,
                                                   .output_file = options.log_file,
                                                   .own_session = true}));
  const std::optional<base::ProcessId> process = base::identify_process(pid);
  bool is_ready = false;
  bool is_dead = !process;
  const bool is_decided = base::wait_until(options.time_limit, [&] {
    if (is_dead || is_gone(*process)) return is_dead = true;
    const auto text = base::read_file_if_exists(options.data / "postmaster.pid", kSmallFileMax);
    if (!text || !*text) return false;
    const auto found = parse_postmaster_pid(**text);
    // As pg_ctl: "standby" is a standby that is up and takes no connections because hot_standby is
    // off.
    is_ready = found && found->process.pid == pid &&
               (found->status == "ready" || found->status == "standby");
    return is_ready;
  });
  if (is_ready) return *process;
  if (is_decided) {
    is_gone({.pid = pid}); // Reaps it.
    return start_failed(options, "the server did not start", log_begin);
  }
  base::Error late = start_failed(
      options,
      fmt::format("the server was not ready within {}", base::human_duration(options.time_limit)),
      log_begin);
  late.code = base::Code::timeout;
  ::kill(pid, SIGQUIT); // Immediate shutdown: nothing that a client was told is lost.
  if (!base::wait_until(kKillLimit, [&] { return is_gone(*process); })) {
    late.left = fmt::format("process {} was told to stop and still runs", pid);
  }
  return late;
}

base::Result<> stop_server(const fs::path& data, Shutdown mode,
                           std::chrono::milliseconds time_limit) {
  PGKEEP_TRY(const std::optional<PostmasterPid> running, running_postmaster(data));
  if (!running) return {};
  const int signal = mode == Shutdown::smart ? SIGTERM : mode == Shutdown::fast ? SIGINT : SIGQUIT;
  const pid_t pid = running->process.pid;
  if (::kill(pid, signal) != 0 && errno != ESRCH) {
    return base::Error{.code = base::Code::refused,
                       .what = fmt::format("no permission to stop process {}: {}", pid,
                                           std::generic_category().message(errno)),
                       .where = data.string(),
                       .hint = "Run this as the account that started the server, or as root."};
  }
  if (base::wait_until(time_limit, [&] { return is_gone(running->process); })) return {};
  return base::Error{
      .code = base::Code::timeout,
      .what = fmt::format("the server still runs after {}", base::human_duration(time_limit)),
      .where = data.string(),
      .hint = mode == Shutdown::smart ? "It waits for its clients: stop it with a fast shutdown."
                                      : "See the server's log; it may be writing a checkpoint.",
      .left = fmt::format("process {} was told to stop and goes on stopping", pid)};
}

base::Result<int> free_port(int first) {
  constexpr int port_max = 65535;
  for (int port = first; port > 0 && port <= port_max && port < first + kPortsTried; ++port) {
    const base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) break;
    // As the server does; a port that listens is refused all the same.
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return port;
  }
  return base::Error{.code = base::Code::io,
                     .what = fmt::format("no free TCP port from {} upwards", first),
                     .expected = fmt::format("a free one of {} ports", kPortsTried)};
}

} // namespace pgkeep::postgres
