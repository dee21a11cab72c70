// One process, one thread: it waits in poll() for the pidfds of the server and the pooler and for
// its own signals, and does nothing else. A pidfd works for a server that it started and for one
// that it adopted.
#include "stack/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "postgres/cluster.h"
#include "stack/layout.h"
#include "stack/pooler.h"
#include "stack/server_files.h"

namespace pgkeep::stack {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kServerStopLimit{60'000};
constexpr std::chrono::milliseconds kStartLimit{60'000};
constexpr std::chrono::milliseconds kReapLimit{15'000};
constexpr std::chrono::milliseconds kPauseFirst{200};
constexpr std::chrono::milliseconds kPauseMax{10'000};
constexpr std::chrono::hours kCertificateCheck{6};

enum class Wake : std::uint8_t {
  server_ended,
  pooler_ended,
  told_to_stop,
  told_to_reload,
  time_passed
};

base::Fd pidfd_of(const std::optional<base::ProcessId>& process) {
  return process ? base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, process->pid, 0)))
                 : base::Fd();
}

/// The last line of the server's newest log that says why it ended; empty where none does.
std::string last_words(const Layout& layout) {
  std::error_code ignored;
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(layout.log(), ignored)) {
    const bool is_newer = newest.empty() || entry.last_write_time(ignored) >
                                                std::filesystem::last_write_time(newest, ignored);
    if (is_newer) newest = entry.path();
  }
  const auto text = base::read_file(newest);
  if (!text) return {};
  std::string last;
  for (const std::string& line : base::split(*text, '\n')) {
    const bool is_telling = line.find("FATAL:") != std::string::npos ||
                            line.find("PANIC:") != std::string::npos ||
                            line.find("could not") != std::string::npos;
    if (is_telling) last = line;
  }
  return last;
}

class Supervisor {
public:
  Supervisor(Layout layout, State state, base::Fd signals,
             std::optional<base::ProcessId> running_pooler)
      : layout_(std::move(layout)), state_(std::move(state)), signals_(std::move(signals)),
        pooler_(layout_, running_pooler) {}

  base::Result<> run();

private:
  base::Result<> record(SupervisorState state);
  base::Result<base::ProcessId> start_or_adopt();
  void wait_until_reaped();
  /// Waits for the server (when there is one) and for signals; at most until the limit.
  Wake wait(const std::optional<base::ProcessId>& server, std::chrono::milliseconds limit);
  base::Result<Wake> watch(const base::ProcessId& server);
  base::Result<> stop();
  /// Counts a failure; true when it is one too many.
  bool is_too_much(const std::string& why);
  void renew_certificates();

  Layout layout_;
  State state_;
  base::Fd signals_;
  Pooler pooler_; ///< Uses layout_.
  std::int32_t restarts_ = 0;
  int failures_ = 0;
  std::string last_error_;
};

base::Result<> Supervisor::record(SupervisorState state) {
  const std::optional<base::ProcessId> self = base::identify_process(::getpid());
  const std::optional<base::ProcessId>& pooler = pooler_.process();
  const base::Json json{{"pgkeep", "supervisor/1"},
                        {"pid", static_cast<std::int64_t>(::getpid())},
                        {"start_ticks", self ? self->start_ticks : 0},
                        {"state", name_of(state)},
                        {"restarts", restarts_},
                        {"last_error", last_error_},
                        {"pooler_pid", static_cast<std::int64_t>(pooler ? pooler->pid : 0)},
                        {"pooler_start_ticks", pooler ? pooler->start_ticks : 0},
                        {"pooler_restarts", pooler_.restarts()},
                        {"pooler_error", pooler_.last_error()}};
  return base::write_file_durably(layout_.supervisor_record(), json.dump(true) + "\n",
                                  {.mode = 0644});
}

/// A server that we adopted is not our child: when it dies, process 1 reaps it, perhaps late. Until
/// then its pid exists, and a new server would refuse to start beside the postmaster.pid that names
/// it.
void Supervisor::wait_until_reaped() {
  const auto text = base::read_file_if_exists(layout_.data() / "postmaster.pid");
  if (!text || !*text) return;
  pid_t pid = 0;
  const std::string& content = **text;
  if (std::from_chars(content.data(), content.data() + content.size(), pid).ec != std::errc{} ||
      pid <= 0)
    return;
  const std::optional<base::ProcessId> process = base::identify_process(pid);
  if (process && base::is_running(*process))
    return; // Alive, and perhaps not even a server: its own check decides.
  base::wait_until(kReapLimit, [pid] { return ::kill(pid, 0) != 0; });
}

base::Result<base::ProcessId> Supervisor::start_or_adopt() {
  PGKEEP_TRY(const auto running, postgres::running_postmaster(layout_.data()));
  if (running) {
    base::log::info("adopted a running server",
                    {{"pid", static_cast<std::int64_t>(running->process.pid)}});
    return running->process;
  }
  wait_until_reaped();
  // The socket folder lies in /run for deep directories, which a reboot empties.
  PGKEEP_CHECK(base::make_directory(layout_.sockets, {.mode = 0755, .owner = layout_.account}));
  const postgres::StartOptions options{
      .binaries = {.bin = state_.bin, .version = {state_.major * 10000}},
      .data = layout_.data(),
      .run_as = layout_.account,
      .log_file = layout_.server_log(),
      .time_limit = kStartLimit};
  auto started = postgres::start_server(options);
  if (started) {
    base::log::info("started the server", {{"pid", static_cast<std::int64_t>(started->pid)}});
    return *started;
  }
  // A long recovery is no failure: the process lives and goes on.
  PGKEEP_TRY(const auto recovering, postgres::running_postmaster(layout_.data()));
  if (recovering) return recovering->process;
  return std::move(started).error();
}

Wake Supervisor::wait(const std::optional<base::ProcessId>& server,
                      std::chrono::milliseconds limit) {
  const base::Fd process = pidfd_of(server);
  if (server && (!process.is_open() || !base::is_running(*server))) return Wake::server_ended;
  // A descriptor below zero is passed over.
  const base::Fd pooler = pidfd_of(pooler_.process());
  if (pooler_.process() && (!pooler.is_open() || !base::is_running(*pooler_.process())))
    return Wake::pooler_ended;
  std::array<pollfd, 3> polled{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = process.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = pooler.get(), .events = POLLIN, .revents = 0}};
  const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(limit.count()));
  if (ready > 0 && (polled[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      return info.ssi_signo == SIGHUP ? Wake::told_to_reload : Wake::told_to_stop;
    }
  }
  if (ready > 0 && polled[1].revents != 0) return Wake::server_ended;
  if (ready > 0 && polled[2].revents != 0) return Wake::pooler_ended;
  return Wake::time_passed;
}

void Supervisor::renew_certificates() {
  if (layout_.is_demo) return;
  const auto work = ensure_certificates(layout_, base::SystemClock().now());
  if (!work) {
    base::log::error("certificate not renewed", {{"error", to_line(work.error())}});
    return;
  }
  if (!work->made_server_certificate) return;
  base::log::info("renewed the server certificate", {{"new_authority", work->made_authority}});
  const auto running = postgres::running_postmaster(layout_.data());
  if (running && *running) ::kill((*running)->process.pid, SIGHUP);
  pooler_.reload();
}

base::Result<Wake> Supervisor::watch(const base::ProcessId& server) {
  PGKEEP_CHECK(record(SupervisorState::running));
  const Steady::time_point since = Steady::now();
  Steady::time_point certificates_at = since;
  for (;;) {
    if (pooler_.keep_up()) PGKEEP_CHECK(record(SupervisorState::running));
    const Wake wake =
        wait(server, std::min<std::chrono::milliseconds>(
                         kCertificateCheck, pooler_.due_in().value_or(kCertificateCheck)));
    if (Steady::now() - since > kHealthyAfter) failures_ = 0;
    if (Steady::now() - certificates_at >= kCertificateCheck || wake == Wake::told_to_reload) {
      certificates_at = Steady::now();
      renew_certificates();
    }
    if (wake == Wake::told_to_reload) {
      ::kill(server.pid, SIGHUP);
      pooler_.reload();
    }
    if (wake == Wake::told_to_stop) return wake;
    if (wake == Wake::server_ended) {
      ::waitpid(server.pid, nullptr,
                WNOHANG); // Ours to reap if we started it; an error if we adopted it.
      return wake;
    }
  }
}

bool Supervisor::is_too_much(const std::string& why) {
  ++failures_;
  last_error_ = why;
  base::log::error("the server is down",
                   {{"why", why}, {"failures", failures_}, {"failures_max", kFailuresMax}});
  return failures_ >= kFailuresMax;
}

base::Result<> Supervisor::stop() {
  base::log::info("stopping");
  pooler_.stop(); // First: its clients' transactions end by themselves.
  auto stopped = postgres::stop_server(layout_.data(), postgres::Shutdown::fast, kServerStopLimit);
  if (!stopped)
    stopped =
        postgres::stop_server(layout_.data(), postgres::Shutdown::immediate, kServerStopLimit);
  if (!stopped) {
    last_error_ = to_line(stopped.error());
    base::log::error("the server does not stop", {{"error", last_error_}});
    return stopped;
  }
  last_error_.clear();
  return record(SupervisorState::stopped);
}

base::Result<> Supervisor::run() {
  PGKEEP_CHECK(record(SupervisorState::starting));
  renew_certificates();
  std::chrono::milliseconds pause = kPauseFirst;
  for (;;) {
    const Steady::time_point began = Steady::now();
    auto server = start_or_adopt();
    std::string why;
    if (server) {
      PGKEEP_TRY(const Wake wake, watch(*server));
      if (wake == Wake::told_to_stop) return stop();
      why = "the server process ended by itself; see the last lines of its log";
      if (Steady::now() - began > kHealthyAfter) pause = kPauseFirst;
    } else {
      why = server.error().what;
      if (const std::string words = last_words(layout_); !words.empty()) why += ": " + words;
    }
    if (is_too_much(why)) break;
    PGKEEP_CHECK(record(SupervisorState::waiting));
    const Steady::time_point next = Steady::now() + pause;
    for (Steady::time_point now = Steady::now(); now < next; now = Steady::now()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - now);
      if (wait(std::nullopt, left + std::chrono::milliseconds{1}) == Wake::told_to_stop)
        return stop();
      pooler_.keep_up();
    }
    pause = std::min(pause * 2, kPauseMax);
    ++restarts_;
  }
  base::log::error("gave up", {{"failures", failures_}, {"last_error", last_error_}});
  pooler_.stop();
  PGKEEP_CHECK(record(SupervisorState::gave_up));
  return base::Error{
      .code = base::Code::io,
      .what = fmt::format("the server failed {} times in a row: {}", failures_, last_error_),
      .where = layout_.data().string(),
      .hint = fmt::format("Mend what {} names, then run `pgkeep up` again.",
                          layout_.server_log().string())};
}

base::Result<base::Fd> take_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  base::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals.is_open()) return base::Error{.code = base::Code::io, .what = "signalfd failed"};
  return signals;
}

} // namespace

std::string_view name_of(SupervisorState state) noexcept {
  switch (state) {
  case SupervisorState::starting:
    return "starting";
  case SupervisorState::running:
    return "running";
  case SupervisorState::waiting:
    return "waiting";
  case SupervisorState::stopped:
    return "stopped";
  case SupervisorState::gave_up:
    return "gave up";
  }
  return "unknown";
}

base::Result<std::optional<SupervisorRecord>>
read_supervisor_record(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "supervisor.json";
  PGKEEP_TRY(const auto text, base::read_file_if_exists(path));
  if (!text) return std::optional<SupervisorRecord>{};
  auto json = base::parse_json(*text);
  if (!json) {
    base::Error error = std::move(json).error();
    error.where = fmt::format("{}:{}", path.string(), error.where);
    return error;
  }
  const auto number = [&](std::string_view name) -> std::int64_t {
    const base::Json* const member = json->find(name);
    return member != nullptr && member->as_int() != nullptr ? *member->as_int() : 0;
  };
  const auto text_of = [&](std::string_view name) -> std::string {
    const base::Json* const member = json->find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
  };
  SupervisorRecord record{
      .process = {.pid = static_cast<pid_t>(number("pid")), .start_ticks = number("start_ticks")},
      .state = SupervisorState::stopped,
      .restarts = static_cast<std::int32_t>(number("restarts")),
      .last_error = text_of("last_error"),
      .pooler_restarts = static_cast<std::int32_t>(number("pooler_restarts")),
      .pooler_error = text_of("pooler_error")};
  if (number("pooler_pid") > 0)
    record.pooler = base::ProcessId{.pid = static_cast<pid_t>(number("pooler_pid")),
                                    .start_ticks = number("pooler_start_ticks")};
  for (const SupervisorState state :
       {SupervisorState::starting, SupervisorState::running, SupervisorState::waiting,
        SupervisorState::stopped, SupervisorState::gave_up}) {
    if (text_of("state") == name_of(state)) record.state = state;
  }
  return std::optional<SupervisorRecord>{std::move(record)};
}

base::Result<> supervise(const std::filesystem::path& directory) {
  PGKEEP_TRY(std::optional<State> state, read_state(directory));
  if (!state) {
    return base::Error{.code = base::Code::usage,
                       .what = "nothing was set up here",
                       .where = directory.string(),
                       .hint = "Run `pgkeep up` first."};
  }
  PGKEEP_TRY(Layout layout, layout_of(directory, *state));
  PGKEEP_TRY(const auto lock, base::FileLock::try_acquire(layout.supervisor_lock()));
  if (!lock) {
    return base::Error{.code = base::Code::refused,
                       .what = "a supervisor runs already",
                       .where = directory.string()};
  }
  PGKEEP_CHECK(base::log::open_file(layout.supervisor_log()));
  PGKEEP_TRY(base::Fd signals, take_signals());
  PGKEEP_TRY(const auto before, read_supervisor_record(layout.directory));
  std::optional<base::ProcessId> pooler = before ? before->pooler : std::nullopt;
  if (pooler && !base::is_running(*pooler)) pooler.reset();
  return Supervisor(std::move(layout), *std::move(state), std::move(signals), pooler).run();
}

} // namespace pgkeep::stack
