#include "base/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

#include "base/groups.h"
#include "base/io_error.h"
#include "base/text.h"

namespace pgkeep::base {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kOwnFdMin = 10; // Above 0 to 3, which the child rearranges.
constexpr int kStatusFd = 3;  // In the child: the one descriptor that stays open until exec.
constexpr int kClosedByHandMax = 65'536;

enum class Step : std::uint8_t { none, descriptors, session, account, directory, exec };

/// What the child says when it could not become the program. Smaller than PIPE_BUF, so it comes
/// whole or not at all.
struct Failure {
  Step step = Step::none;
  int error_number = 0;
};

/// Everything that the child needs, prepared: it must not allocate.
struct Prepared {
  std::string program;
  std::string directory;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<gid_t> groups;
  bool changes_account = false;
  pid_t parent = 0;
  int fds_max = 0;
};

std::string variable_of_ours(const char* name, const char* fallback) {
  const char* value =
      ::getenv(name); // NOLINT(concurrency-mt-unsafe): nothing of ours calls setenv.
  return value != nullptr && *value != '\0' ? value : fallback;
}

void set_variable(std::vector<std::string>& environment, const std::string& entry) {
  const std::string name = entry.substr(0, entry.find('=') + 1);
  std::erase_if(environment, [&name](const std::string& other) { return other.starts_with(name); });
  environment.push_back(entry);
}

std::vector<std::string> build_environment(const ChildPlan& plan) {
  std::vector<std::string> environment = {"PATH=" + variable_of_ours("PATH", kDefaultPath),
                                          "LANG=C.UTF-8"};
  if (const std::string zone = variable_of_ours("TZ", ""); !zone.empty())
    environment.push_back("TZ=" + zone);
  if (plan.run_as) environment.push_back("HOME=" + home_of(*plan.run_as));
  for (const std::string& entry : plan.environment) {
    if (entry.find('=') != std::string::npos) set_variable(environment, entry);
  }
  return environment;
}

bool is_program(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// A name without a slash is looked up in PATH (relative folders of it are left out: they are an old
// way in for strangers).
Result<std::string> find_program(const std::string& name) {
  if (name.empty()) return Error{.code = Code::io, .what = "no program to run"};
  std::error_code failure;
  if (name.find('/') != std::string::npos) return fs::absolute(name, failure).string();
  for (const std::string& folder : split(variable_of_ours("PATH", kDefaultPath), ':')) {
    if (folder.starts_with('/') && is_program(fs::path(folder) / name))
      return (fs::path(folder) / name).string();
  }
  return Error{.code = Code::io,
               .what = fmt::format("cannot run {}: not found in PATH", printable(name)),
               .hint = fmt::format("Install the package that has {}, or add its folder to PATH.",
                                   printable(name))};
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execve takes char* for the sake of old C and does not write.
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

int open_files_max() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kClosedByHandMax;
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, kClosedByHandMax));
}

Result<std::string> check_account(const ChildPlan& plan) {
  if (!plan.run_as || ::geteuid() == 0 || plan.run_as->uid == ::geteuid()) return std::string();
  return Error{.code = Code::unsupported,
               .what = fmt::format("only root can run a program as {}", plan.run_as->name),
               .hint = fmt::format("Run this command as root or as {}.", plan.run_as->name)};
}

Result<> prepare(const ChildPlan& plan, Prepared& out) {
  if (plan.argv.empty()) return Error{.code = Code::io, .what = "no program to run"};
  PGKEEP_CHECK(check_account(plan));
  PGKEEP_TRY(out.program, find_program(plan.argv.front()));
  out.directory = plan.working_directory.empty() ? "/" : plan.working_directory.string();
  out.environment = build_environment(plan);
  out.argv = pointers_to(plan.argv);
  out.envp = pointers_to(out.environment);
  out.changes_account = plan.run_as.has_value() && ::geteuid() == 0;
  if (out.changes_account) out.groups = groups_of(*plan.run_as);
  out.parent = ::getpid();
  out.fds_max = open_files_max();
  return {};
}

// ---- From here to the next line of dashes the code runs in the child: async-signal-safe calls
// only. ----

[[noreturn]] void give_up(int status_fd, Step step) noexcept {
  const Failure failure{.step = step, .error_number = errno};
  [[maybe_unused]] const ssize_t written = ::write(status_fd, &failure, sizeof failure);
  ::_exit(127);
}

void arrange_descriptors(const ChildPlan& plan, int status_fd, int fds_max) noexcept {
  if (::dup2(plan.stdin_fd, 0) < 0 || ::dup2(plan.stdout_fd, 1) < 0 ||
      ::dup2(plan.stderr_fd, 2) < 0 || ::dup3(status_fd, kStatusFd, O_CLOEXEC) < 0) {
    give_up(status_fd, Step::descriptors);
  }
  if (::close_range(kStatusFd + 1, UINT_MAX, 0) == 0) return;
  for (int fd = kStatusFd + 1; fd < fds_max; ++fd)
    ::close(fd); // Kernels before 5.9.
}

void drop_account(const ChildPlan& plan, const Prepared& prepared) noexcept {
  if (!prepared.changes_account || !plan.run_as) return;
  // Groups first: after setuid we may no longer change them.
  if (::setgroups(prepared.groups.size(), prepared.groups.data()) != 0 ||
      ::setgid(plan.run_as->gid) != 0 || ::setuid(plan.run_as->uid) != 0) {
    give_up(kStatusFd, Step::account);
  }
}

void reset_signals() noexcept {
  // An ignored signal stays ignored after exec, and a blocked one blocked: the program must not
  // inherit our ways.
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction usual{};
    usual.sa_handler = SIG_DFL;
    ::sigaction(number, &usual, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const ChildPlan& plan, const Prepared& prepared, int status_fd) noexcept {
  arrange_descriptors(plan, status_fd, prepared.fds_max);
  if (plan.grouping == Grouping::own_session && ::setsid() < 0) give_up(kStatusFd, Step::session);
  if (plan.grouping == Grouping::own_group && ::setpgid(0, 0) != 0)
    give_up(kStatusFd, Step::session);
  drop_account(plan, prepared);
  if (plan.dies_with_parent) {
    // After the change of account, which clears it; and the parent may be gone already.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != prepared.parent) ::_exit(127);
  }
  if (::chdir(prepared.directory.c_str()) != 0) give_up(kStatusFd, Step::directory);
  reset_signals();
  ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.envp.data());
  give_up(kStatusFd, Step::exec);
}

// ---- The parent again. ----

Error explain(const Failure& failure, const ChildPlan& plan, const Prepared& prepared) {
  const std::string name = printable(fs::path(plan.argv.front()).filename().string());
  std::string what = fmt::format("cannot run {}: {}", name, system_words(failure.error_number));
  std::string where = prepared.program;
  if (failure.step == Step::directory) {
    what = fmt::format("cannot enter the working folder of {}: {}", name,
                       system_words(failure.error_number));
    where = prepared.directory;
  } else if (failure.step == Step::account) {
    what = fmt::format("cannot change to the account {}: {}", plan.run_as->name,
                       system_words(failure.error_number));
  }
  Error error = io_error(failure.error_number, where);
  error.what = std::move(what);
  return error;
}

/// No handler of ours may run in the child between fork and exec.
class AllSignalsBlocked {
public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_{};
};

Result<Fd> above_standard(Fd fd) {
  if (fd.get() >= kOwnFdMin) return fd;
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kOwnFdMin));
  if (!moved.is_open()) return io_error(errno, {});
  return moved;
}

} // namespace

Result<Pipe> make_pipe() {
  int fds[2] = {-1, -1};
  if (::pipe2(fds, O_CLOEXEC) != 0) return io_error(errno, {});
  Fd read_end(fds[0]);
  Fd write_end(fds[1]);
  PGKEEP_TRY(read_end, above_standard(std::move(read_end)));
  PGKEEP_TRY(write_end, above_standard(std::move(write_end)));
  return Pipe{.read_end = std::move(read_end), .write_end = std::move(write_end)};
}

Result<pid_t> start_child(const ChildPlan& plan) {
  Prepared prepared;
  PGKEEP_CHECK(prepare(plan, prepared));
  PGKEEP_TRY(Pipe status, make_pipe());
  pid_t pid = -1;
  int fork_error = 0;
  {
    const AllSignalsBlocked blocked;
    pid = ::fork();
    fork_error = errno;
    if (pid == 0) become(plan, prepared, status.write_end.get());
  }
  if (pid < 0) return with_where(io_error(fork_error, {}), prepared.program);
  status.write_end.reset();

  Failure failure;
  ssize_t got = ::read(status.read_end.get(), &failure, sizeof failure);
  while (got < 0 && errno == EINTR)
    got = ::read(status.read_end.get(), &failure, sizeof failure);
  if (got != static_cast<ssize_t>(sizeof failure)) return pid; // Closed by exec: it runs.
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return explain(failure, plan, prepared);
}

} // namespace pgkeep::base
