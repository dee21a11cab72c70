// Starts the loops, waits for signals, and ends them.
#include "pool/pool.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>
#include <thread>

#include <fmt/format.h>

#include "base/cores.h"
#include "base/files.h"
#include "pool/console_command.h"
#include "pool/control.h"
#include "pool/listeners.h"
#include "pool/loop.h"
#include "pool/metrics.h"
#include "pool/process.h"
#include "pool/service_manager.h"
#include "pool/takeover.h"

namespace pgkeep::pool {
namespace {

/// A file that is gone when this goes.
class OwnFile {
public:
  explicit OwnFile(std::string path) : path_(std::move(path)) {}
  OwnFile(OwnFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  OwnFile(const OwnFile&) = delete;
  OwnFile& operator=(const OwnFile&) = delete;
  OwnFile& operator=(OwnFile&&) = delete;
  ~OwnFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  /// It is another's now: it stays.
  void leave() { path_.clear(); }

private:
  std::string path_;
};

/// As PgBouncer reckons: all clients, and whoever is known by name fills the pool of each database.
std::int64_t sockets_at_most(const Directory& files) {
  constexpr std::int64_t kSpare = 10;
  constexpr std::int64_t kConsolePool = 2;
  const Configuration& configuration = files.configuration;
  std::set<std::string_view> users = {kConsoleName};
  for (const auto& [name, stored] : files.users)
    users.insert(name);
  for (const UserDefinition& user : configuration.users)
    users.insert(user.name);
  std::int64_t count = configuration.settings.max_client_conn + kSpare + kConsolePool;
  for (const DatabaseDefinition& database : configuration.databases) {
    if (database.name == DatabaseDefinition::kFallback) continue; // They are not known yet.
    const std::int64_t pools = database.user.empty() ? std::ssize(users) : 1;
    count += pools * database.own.pool_size.value_or(configuration.settings.default_pool_size);
  }
  return count;
}

void raise_file_limit(Log& log, const Directory& files) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  log.info(fmt::format("kernel file descriptor limit: {} (hard: {}); max_client_conn: {}, max "
                       "expected fd use: {}",
                       limit.rlim_cur, limit.rlim_max, files.settings().max_client_conn,
                       sockets_at_most(files)));
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run_loops(Shared& shared, Control& control) {
  std::vector<std::jthread> threads;
  threads.reserve(shared.loops.size());
  for (const auto& loop : shared.loops) {
    threads.emplace_back([&loop, number = threads.size()] {
      ::pthread_setname_np(::pthread_self(), fmt::format("pool-{}", number).c_str());
      loop->run();
    });
  }
  control.run();
  shared.manager.stopping();
  for (const auto& loop : shared.loops)
    loop->post_always(Stop{});
}

void add_listeners(Shared& shared, const Settings& settings,
                   const std::vector<ListeningSocket>& sockets) {
  const auto port = static_cast<std::uint16_t>(settings.listen_port);
  for (const ListeningSocket& socket : sockets) {
    shared.log.info(fmt::format(
        "{} {}", socket.is_passed ? "socket passed from service manager" : "listening on",
        socket.name));
    for (std::size_t i = 0; i < shared.loops.size(); ++i) {
      const base::Fd& fd = socket.is_shared ? socket.fds.front() : socket.fds[i];
      shared.loops[i]->add_listener(base::Fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)), port,
                                    socket.is_unix, socket.is_shared);
    }
  }
}

/// What it serves from: sockets of its own, of the service manager, or of the process before.
struct Start {
  std::vector<ListeningSocket> sockets = {};
  std::vector<std::string> problems = {}; ///< Of those that it has not.
  std::optional<TakenOver> taken = {};
  bool is_passed = false;
  bool was_stale = false; ///< The pid file.
};

base::Result<Start> start_of(const Settings& settings, const RunOptions& options, int loops) {
  Start start;
  std::vector<base::Fd> passed = take_passed_sockets();
  start.is_passed = !passed.empty();
  if (options.takes_over) {
    if (start.is_passed)
      return base::Error{.code = base::Code::config,
                         .what = "cannot reboot under service manager",
                         .hint = "It passes its sockets to the next process itself."};
    PGKEEP_TRY(start.taken, take_over(settings));
  }
  if (start.taken) {
    start.sockets = std::exchange(start.taken->sockets, {});
    return start;
  }
  if (!start.is_passed) PGKEEP_CHECK(refuse_used_unix_socket(settings));
  PGKEEP_TRY(start.was_stale, PidFile::remove_stale(settings.pidfile));
  if (start.is_passed) {
    PGKEEP_TRY(start.sockets, listen_on(std::move(passed), settings));
  } else {
    PGKEEP_TRY(OwnSockets own, listen_as(settings, loops));
    start.sockets = std::move(own.sockets);
    start.problems = std::move(own.problems);
  }
  return start;
}

/// To the process after this one. Who serves need not wait for that: a file of somebody else's may
/// be in the way, in a folder where all may write.
std::unique_ptr<Handover> offered(Log& log, const Settings& settings,
                                  const std::vector<ListeningSocket>& sockets) {
  auto handover = Handover::offer(settings, sockets);
  if (handover) return *std::move(handover);
  const base::Error& error = handover.error();
  log.warning(fmt::format("no online restart is possible: {}: {}", error.where, error.what));
  return nullptr;
}

/// What but one process can have, and the way to the one before it.
struct Belongings {
  MetricsServer metrics = {};
  PidFile pid_file = {};
  base::Fd former = {};
};

/// What can fail is done before the old process lets go: behind that nobody else serves, and what
/// is missing is a warning.
base::Result<Belongings> belongings_of(Log& log, const Settings& settings,
                                       std::optional<TakenOver> taken) {
  Belongings own;
  if (!taken) {
    PGKEEP_TRY(own.metrics, MetricsServer::open(settings.metrics_listen));
    PGKEEP_TRY(own.pid_file, PidFile::write(settings.pidfile));
    return own;
  }
  PGKEEP_TRY(own.metrics, MetricsServer::open_when_free(settings.metrics_listen));
  PGKEEP_TRY(own.pid_file, PidFile::write_beside(settings.pidfile));
  PGKEEP_TRY(own.former, finish(*std::move(taken)));
  log.info("old process has let go, resuming work");
  if (const auto done = own.pid_file.take_place(); !done) log.warning(done.error().what);
  own.metrics.try_again(0); // The old process has let go of the port, too.
  if (own.metrics.is_waiting())
    log.warning(fmt::format("metrics_listen = {} is in use: no metrics until it is free",
                            settings.metrics_listen));
  return own;
}

base::Result<> serve(const DirectoryPtr& directory, const RunOptions& options,
                     const Started& started) {
  const Settings& settings = directory->settings();
  const int loops =
      std::clamp(options.loops > 0 ? options.loops : base::allowed_cores(), 1, kLoopsMax);
  PGKEEP_TRY(LogTargets log, log_targets_of(settings, options.is_quiet || options.is_daemon));
  PGKEEP_TRY(Start start, start_of(settings, options, loops));
  std::vector<OwnFile> files;
  const auto own_files = [&] {
    for (const ListeningSocket& socket : start.sockets)
      files.emplace_back(socket.path);
  };
  if (!start.taken) own_files(); // Else they are another's until that has let go.
  const Signals signals;         // Before there are threads, which take over what is blocked.
  Shared shared(directory, std::move(log), loops);
  shared.verbosity_added = options.verbosity;
  shared.log.set_verbosity(static_cast<int>(settings.verbose) + options.verbosity);
  tell_problems(shared.log, directory->problems);
  if (start.was_stale) shared.log.info("stale pidfile, removing");
  if (options.takes_over && !start.taken)
    shared.log.info("old process not found, try to continue normally");
  raise_file_limit(shared.log, *directory);
  for (int i = 0; i < loops; ++i)
    shared.loops.push_back(std::make_unique<Loop>(shared, directory, i));
  for (const std::string& problem : start.problems)
    shared.log.warning(problem);
  add_listeners(shared, settings, start.sockets);
  const bool has_taken = start.taken.has_value();
  PGKEEP_TRY(Belongings own, belongings_of(shared.log, settings, std::move(start.taken)));
  if (has_taken) own_files();
  std::unique_ptr<Handover> handover =
      start.is_passed ? nullptr : offered(shared.log, settings, start.sockets);
  start.sockets.clear();
  shared.log.info(fmt::format("process up: pgkeep {}, {} loop{}", options.version, loops,
                              loops == 1 ? "" : "s"));
  const auto read = [](const std::string& path) { return base::read_file(path); };
  const auto let_go = [&] {
    own.pid_file.leave();
    for (OwnFile& file : files)
      file.leave();
  };
  {
    Control control(shared,
                    {.files = directory,
                     .read = read,
                     .version = options.version,
                     .metrics = std::move(own.metrics),
                     .handover = std::move(handover),
                     .let_go = let_go,
                     .former = std::move(own.former)},
                    signals);
    shared.control = &control;
    shared.manager.ready();
    started();
    run_loops(shared, control);
  }
  // What DNS, LDAP or PAM say is nobody's any more, and may take long: the process ends under it.
  if (!shared.outside.is_busy() && !shared.names.is_busy()) return {};
  files.clear();
  own = {};
  shared.log.close();
  std::_Exit(0);
}

base::Result<> serve_as_asked(const DirectoryPtr& directory, const RunOptions& options) {
  const Settings& settings = directory->settings();
  PGKEEP_CHECK(become_account(options.user.empty() ? settings.user : options.user));
  PGKEEP_CHECK(refuse_root());
  if (!options.is_daemon) return serve(directory, options, [] {});
  if (settings.pidfile.empty())
    return base::Error{.code = base::Code::config,
                       .what = "daemon needs pidfile configured",
                       .expected = "pidfile = FILE in [pgbouncer]"};
  return run_in_background(
      [&](const Started& started) { return serve(directory, options, started); });
}

/// Who reads the log alone learns why there is no pooler. Whoever started it hears it, too. The
/// file must not become root's.
void note_end(const Settings& settings, const base::Error& error) {
  if (::geteuid() == 0) return;
  if (auto targets = log_targets_of(settings, true))
    Log(*std::move(targets)).fatal(log_text_of(error));
}

} // namespace

base::Result<> run(const RunOptions& options) {
  const auto read = [](const std::string& path) { return base::read_file(path); };
  PGKEEP_TRY(Directory directory, read_directory(options.ini, read));
  const auto start = std::make_shared<const Directory>(std::move(directory));
  const auto served = serve_as_asked(start, options);
  if (!served) note_end(start->settings(), served.error());
  return served;
}

} // namespace pgkeep::pool
