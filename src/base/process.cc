// run_process: standard input is a sealed file in memory (no pipe that could fill up, no SIGPIPE,
// and /dev/stdin can be opened by the other account); the two outputs are pipes, read by poll until
// both are closed or the child has ended. A child that leaves a daemon behind (pg_ctl start) would
// keep its pipes open for ever, so after its end only what is there already is read.
#include "base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <thread>

#include "base/child.h"
#include "base/io_error.h"
#include "base/text.h"

namespace pgkeep::base {

namespace {

namespace fs = std::filesystem;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kPipeChunkBytes = 65'536;
constexpr std::size_t kLastLineColumnsMax = 300;
constexpr std::chrono::milliseconds kSliceWithoutPidfd{10};

std::string name_of_program(const std::vector<std::string>& argv) {
  return argv.empty() ? "" : printable(fs::path(argv.front()).filename().string());
}

Result<Fd> open_null(int flags) {
  Fd fd(::open("/dev/null", flags | O_CLOEXEC));
  if (!fd.is_open()) return io_error(errno, "/dev/null");
  return fd;
}

/// Descriptors for the child must not be among those that it rearranges.
Result<Fd> lifted(Fd fd) {
  Fd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10));
  if (!high.is_open()) return io_error(errno, {});
  return high;
}

Result<Fd> make_stdin(const std::string& text) {
  if (text.empty()) {
    PGKEEP_TRY(Fd null, open_null(O_RDONLY));
    return lifted(std::move(null));
  }
  Fd memory(::memfd_create("pgkeep-stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.is_open()) return io_error(errno, {});
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(memory.get(), text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return io_error(errno, {});
    done += static_cast<std::size_t>(written);
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return io_error(errno, {});
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return lifted(std::move(memory));
}

/// One of the child's outputs while it is collected.
struct Stream {
  Fd fd;
  std::string text;
};

enum class Read : std::uint8_t { more, empty, closed, too_much };

Read read_some(Stream& stream) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): read() fills what is used.
  std::array<char, kPipeChunkBytes> chunk;
  const ssize_t got = ::read(stream.fd.get(), chunk.data(), chunk.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Read::empty : Read::closed;
  if (got == 0) return Read::closed;
  stream.text.append(chunk.data(), static_cast<std::size_t>(got));
  return static_cast<std::int64_t>(stream.text.size()) > kProcessOutputMax.count ? Read::too_much
                                                                                 : Read::more;
}

// By number: the header of glibc 2.36 declares pidfd_open without C linkage. Kernels before 5.3 say
// ENOSYS.
int open_pidfd(pid_t pid) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

/// A child that runs; killed with its group and reaped when this object goes before it has ended.
class Running {
public:
  explicit Running(pid_t pid) : pid_(pid), pidfd_(open_pidfd(pid)) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (has_ended_) return;
    if (::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  /// Whether it has ended; reaps it.
  bool poll_end() {
    if (has_ended_) return true;
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return false;
    has_ended_ = true;
    if (got == pid_)
      exit_status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  }
  /// Nothing where somebody else reaped it.
  [[nodiscard]] std::optional<int> exit_status() const { return exit_status_; }

private:
  pid_t pid_;
  Fd pidfd_;
  bool has_ended_ = false;
  std::optional<int> exit_status_;
};

Error too_much_output(const ProcessOptions& options) {
  return Error{.code = Code::io,
               .what = fmt::format("{} wrote more than {}", name_of_program(options.argv),
                                   human_bytes(kProcessOutputMax.count)),
               .where = options.argv.front()};
}

Error took_too_long(const ProcessOptions& options) {
  return Error{.code = Code::timeout,
               .what = fmt::format("{} did not finish within {}", name_of_program(options.argv),
                                   human_duration(options.time_limit)),
               .where = options.argv.front()};
}

int poll_limit_ms(SteadyTime deadline, bool has_pidfd) {
  auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  left = std::clamp(left, std::chrono::milliseconds{0}, std::chrono::milliseconds{60'000});
  return static_cast<int>((has_pidfd ? left : std::min(left, kSliceWithoutPidfd)).count());
}

/// Reads what is there; false when the limit of output was passed.
bool drain(Stream& stream) {
  while (stream.fd.is_open()) {
    const Read read = read_some(stream);
    if (read == Read::too_much) return false;
    if (read == Read::closed) stream.fd.reset();
    if (read == Read::empty) break;
  }
  return true;
}

Result<> collect(const ProcessOptions& options, Running& child, Stream& out, Stream& err) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.time_limit;
  while (true) {
    const bool has_ended =
        child.poll_end(); // Asked before reading, so that nothing that it wrote is missed.
    if (!drain(out) || !drain(err)) return too_much_output(options);
    if (has_ended) return {};
    if (std::chrono::steady_clock::now() >= deadline) return took_too_long(options);
    // Negative descriptors are left out by poll.
    std::array<pollfd, 3> waits = {pollfd{out.fd.get(), POLLIN, 0}, pollfd{err.fd.get(), POLLIN, 0},
                                   pollfd{child.pidfd(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), poll_limit_ms(deadline, child.pidfd() >= 0)) < 0 &&
        errno != EINTR) {
      return io_error(errno, options.argv.front());
    }
  }
}

std::string last_line(std::string_view text) {
  const std::string_view rest = trim(text);
  const std::size_t start = rest.rfind('\n');
  return ellipsize(printable(trim(start == std::string_view::npos ? rest : rest.substr(start))),
                   kLastLineColumnsMax);
}

/// State letter and start time (fields 3 and 22) of /proc/PID/stat. The name (field 2) may hold
/// spaces and brackets.
struct ProcStat {
  char state = '?';
  std::int64_t start_ticks = 0;
};
constexpr std::size_t kStartField = 22 - 3;
std::optional<ProcStat> read_proc_stat(pid_t pid) {
  const Result<std::string> text = read_file(fmt::format("/proc/{}/stat", pid), Bytes{64 * kKiB});
  if (!text) return std::nullopt;
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<std::string> fields = split_words(std::string_view(*text).substr(name_end + 1));
  if (fields.size() <= kStartField) return std::nullopt;
  ProcStat stat{.state = fields[0].front()};
  const std::string& ticks = fields[kStartField];
  if (std::from_chars(ticks.data(), ticks.data() + ticks.size(), stat.start_ticks).ec !=
      std::errc{})
    return std::nullopt;
  return stat;
}

} // namespace

Result<ProcessOutput> run_process(const ProcessOptions& options) {
  PGKEEP_TRY(const Fd input, make_stdin(options.stdin_text));
  PGKEEP_TRY(Pipe out_pipe, make_pipe());
  PGKEEP_TRY(Pipe err_pipe, make_pipe());
  Stream out{.fd = std::move(out_pipe.read_end), .text = {}};
  Stream err{.fd = std::move(err_pipe.read_end), .text = {}};
  for (const Stream* stream : {&out, &err}) {
    if (::fcntl(stream->fd.get(), F_SETFL, O_NONBLOCK) != 0) return io_error(errno, {});
  }
  PGKEEP_TRY(const pid_t pid, start_child({.argv = options.argv,
                                           .environment = options.environment,
                                           .run_as = options.run_as,
                                           .working_directory = options.working_directory,
                                           .stdin_fd = input.get(),
                                           .stdout_fd = out_pipe.write_end.get(),
                                           .stderr_fd = err_pipe.write_end.get(),
                                           .grouping = Grouping::own_group,
                                           .dies_with_parent = true}));
  Running child(pid);
  out_pipe.write_end.reset();
  err_pipe.write_end.reset();
  PGKEEP_CHECK(collect(options, child, out, err));
  const std::optional<int> exit_status = child.exit_status();
  if (!exit_status) {
    return Error{.code = Code::io,
                 .what = fmt::format("the exit status of {} was taken by somebody else",
                                     name_of_program(options.argv)),
                 .where = options.argv.front(),
                 .hint = "Start pgkeep from a parent that does not ignore SIGCHLD."};
  }
  return ProcessOutput{
      .exit_status = *exit_status, .out = std::move(out.text), .err = std::move(err.text)};
}

Result<std::string> run_checked(const ProcessOptions& options) {
  PGKEEP_TRY(ProcessOutput output, run_process(options));
  if (output.exit_status == 0) return std::move(output.out);
  const std::string reason = last_line(output.err);
  return Error{.code = Code::io,
               .what =
                   fmt::format("{} failed with exit status {}{}{}", name_of_program(options.argv),
                               output.exit_status, reason.empty() ? "" : ": ", reason),
               .where = options.argv.front()};
}

Result<pid_t> spawn_process(const SpawnOptions& options) {
  PGKEEP_TRY(Fd null, open_null(O_RDWR));
  PGKEEP_TRY(const Fd input, lifted(std::move(null)));
  const fs::path output_path =
      options.output_file.empty() ? fs::path("/dev/null") : options.output_file;
  Fd opened(
      ::open(output_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
  if (!opened.is_open()) return io_error(errno, output_path);
  PGKEEP_TRY(const Fd output, lifted(std::move(opened)));
  return start_child({.argv = options.argv,
                      .environment = options.environment,
                      .run_as = options.run_as,
                      .working_directory = options.working_directory,
                      .stdin_fd = input.get(),
                      .stdout_fd = output.get(),
                      .stderr_fd = output.get(),
                      .grouping = options.own_session ? Grouping::own_session : Grouping::none});
}

std::optional<ProcessId> identify_process(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  const std::optional<ProcStat> stat = read_proc_stat(pid);
  // A zombie has ended: only its parent has not looked yet.
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return ProcessId{.pid = pid, .start_ticks = stat->start_ticks};
}

bool is_running(const ProcessId& id) {
  return identify_process(id.pid) == id;
}

fs::path own_executable() {
  // What the kernel appends once a newer file took its place.
  constexpr std::string_view replaced = " (deleted)";
  std::error_code failure;
  std::string path = fs::read_symlink("/proc/self/exe", failure).string();
  if (path.ends_with(replaced)) path.resize(path.size() - replaced.size());
  return path;
}

bool is_root() {
  return ::geteuid() == 0;
}

void pause_for(std::chrono::milliseconds duration) {
  std::this_thread::sleep_for(duration);
}

} // namespace pgkeep::base
