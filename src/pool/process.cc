// A start in the background is told by a pipe: one byte where it serves, else the parts of its
// error with zeros between. Whoever began it waits for that, so that its exit status says whether
// the pooler runs; PgBouncer's only says that it was begun.
#include "pool/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kReportBytesMax = 65'536;
constexpr char kServes = 'S';
constexpr char kFailed = 'F';

std::string system_words(int problem) {
  return std::generic_category().message(problem);
}

base::Error failed(std::string what, int problem) {
  return {.code = base::Code::io,
          .what = fmt::format("{}: {}", std::move(what), system_words(problem))};
}

std::string report_of(const base::Error& error) {
  std::string report(1, kFailed);
  report.push_back(static_cast<char>('0' + static_cast<int>(error.code)));
  for (const std::string* part :
       {&error.what, &error.where, &error.expected, &error.hint, &error.left}) {
    report += *part;
    report.push_back('\0');
  }
  return report;
}

base::Error error_in(std::string_view report) {
  base::Error error;
  if (report.size() < 2) {
    error.what = "the process in the background ended before it served";
    return error;
  }
  error.code = static_cast<base::Code>(report[1] - '0');
  report.remove_prefix(2);
  for (std::string* part : {&error.what, &error.where, &error.expected, &error.hint, &error.left}) {
    const std::size_t end = std::min(report.find('\0'), report.size());
    *part = report.substr(0, end);
    report.remove_prefix(std::min(end + 1, report.size()));
  }
  return error;
}

void tell(base::Fd& pipe, std::string_view report) {
  while (!report.empty()) {
    const ssize_t count = ::write(pipe.get(), report.data(), report.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break; // Whoever waited is gone.
    report.remove_prefix(static_cast<std::size_t>(count));
  }
  pipe.reset();
}

std::string hear(const base::Fd& pipe) {
  std::string report;
  std::array<char, 4096> bytes{};
  while (report.size() < kReportBytesMax) {
    const ssize_t count = ::read(pipe.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    report.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return report;
}

void use_no_terminal() {
  const base::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(null.get(), standard);
}

/// The process that stays: it never returns.
[[noreturn]] void serve_and_end(const std::function<base::Result<>(const Started&)>& serve,
                                base::Fd pipe) {
  use_no_terminal();
  const base::Result<> done = serve([&pipe] { tell(pipe, std::string_view(&kServes, 1)); });
  if (!done && pipe.is_open()) tell(pipe, report_of(done.error()));
  ::_exit(done ? 0 : base::exit_code(done.error()));
}

} // namespace

base::Result<base::Account> account_of(const std::string& name) {
  if (auto account = base::find_account(name)) return *std::move(account);
  return base::Error{.code = base::Code::config,
                     .what = fmt::format("could not find user '{}' to switch to", name),
                     .expected = "an account of this machine"};
}

base::Result<> become_account(const std::string& name) {
  if (name.empty()) return {};
  PGKEEP_TRY(const base::Account account, account_of(name));
  if (::geteuid() == account.uid && ::getuid() == account.uid) return {};
  if (::initgroups(name.c_str(), account.gid) != 0)
    return failed(fmt::format("failed to set groups of user '{}'", name), errno);
  if (::setgid(account.gid) != 0 || ::setuid(account.uid) != 0)
    return failed(fmt::format("failed to switch to user '{}'", name), errno);
  if (::setuid(0) == 0 || ::geteuid() != account.uid || ::getegid() != account.gid)
    return base::Error{.code = base::Code::io,
                       .what = fmt::format("user '{}' could become root again", name)};
  return {};
}

base::Result<> refuse_root() {
  if (::getuid() != 0 && ::geteuid() != 0) return {};
  return base::Error{.code = base::Code::config,
                     .what = "the pooler should not run as root",
                     .expected = "an account of its own, such as postgres",
                     .hint = "Set user = NAME in the file, or give --user NAME: it becomes that "
                             "one before it serves."};
}

PidFile::~PidFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

base::Result<PidFile> PidFile::write(const std::string& path) {
  if (path.empty()) return PidFile();
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.is_open()) return failed(fmt::format("could not open pidfile '{}'", path), errno);
  PidFile own(path);
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return failed(fmt::format("could not write pidfile '{}'", path), errno);
  return own;
}

base::Result<PidFile> PidFile::write_beside(const std::string& path) {
  if (path.empty()) return PidFile();
  const std::string beside = fmt::format("{}.{}", path, ::getpid());
  ::unlink(beside.c_str()); // Of one that had our number, and was killed.
  PGKEEP_TRY(PidFile own, write(beside));
  own.target_ = path;
  return own;
}

base::Result<> PidFile::take_place() {
  if (target_.empty()) return {};
  if (::rename(path_.c_str(), target_.c_str()) != 0)
    return failed(fmt::format("could not replace pidfile '{}'", target_), errno);
  path_ = std::exchange(target_, {});
  return {};
}

base::Result<bool> PidFile::remove_stale(const std::string& path) {
  if (path.empty()) return false;
  PGKEEP_TRY(const std::optional<std::string> text, base::read_file_if_exists(path));
  if (!text) return false;
  const std::string_view number = base::trim(*text);
  pid_t pid = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, failure] = std::from_chars(number.data(), end, pid);
  const bool is_dead =
      failure == std::errc() && stop == end && pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH;
  // Our own number stands there when a container starts anew, and everything in it with it.
  const bool is_own = pid == ::getpid();
  if (!is_dead && !is_own)
    return base::Error{
        .code = base::Code::refused,
        .what = fmt::format("pidfile '{}' exists, another instance running?", path),
        .hint = "Stop the process that it names, or delete the file if that is no pooler."};
  if (::unlink(path.c_str()) != 0) return failed("could not remove stale pidfile", errno);
  return true;
}

base::Result<> run_in_background(const std::function<base::Result<>(const Started&)>& serve) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("pipe()", errno);
  base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  const pid_t first = ::fork();
  if (first < 0) return failed("fork failed", errno);
  if (first == 0) {
    reading.reset();
    // Not the leader of its session, it can never get a terminal.
    if (::setsid() < 0) ::_exit(1);
    const pid_t second = ::fork();
    if (second != 0) ::_exit(second < 0 ? 1 : 0);
    serve_and_end(serve, std::move(writing));
  }
  writing.reset();
  ::waitpid(first, nullptr, 0);
  const std::string report = hear(reading);
  if (!report.empty() && report.front() == kServes) return {};
  return error_in(report);
}

} // namespace pgkeep::pool
