// Starts the loops, waits for signals, and ends them.
#include "pool/pool.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/files.h"
#include "pool/control.h"
#include "pool/listeners.h"
#include "pool/loop.h"

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

private:
  std::string path_;
};

base::Result<OwnFile> write_pid(const std::string& path) {
  if (path.empty()) return OwnFile("");
  PGKEEP_CHECK(base::write_file_durably(path, fmt::format("{}\n", ::getpid())));
  return OwnFile(path);
}

void raise_file_limit(Log& log, const Settings& settings) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  log.info(fmt::format("kernel file descriptor limit: {} (hard: {}); max_client_conn: {}",
                       limit.rlim_cur, limit.rlim_max, settings.max_client_conn));
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
  for (const auto& loop : shared.loops)
    loop->post_always(Order::stop);
}

} // namespace

base::Result<> run(const RunOptions& options) {
  const auto read = [](const std::string& path) { return base::read_file(path); };
  PGKEEP_TRY(Directory directory, read_directory(options.ini, read));
  const auto start = std::make_shared<const Directory>(std::move(directory));
  const Settings& settings = start->settings();
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int loops = std::clamp(options.loops > 0 ? options.loops : cores, 1, kLoopsMax);
  base::Fd log_file;
  if (!settings.logfile.empty()) {
    PGKEEP_TRY(log_file, open_log(settings.logfile));
  }
  PGKEEP_TRY(std::vector<ListeningSocket> sockets, listen_as(settings, loops));
  std::vector<OwnFile> files;
  files.reserve(sockets.size());
  for (const ListeningSocket& socket : sockets)
    files.emplace_back(socket.path);
  PGKEEP_TRY(MetricsServer metrics, MetricsServer::open(settings.metrics_listen));
  PGKEEP_TRY(const OwnFile pid_file, write_pid(settings.pidfile));
  const Signals signals; // Before there are threads, which take over what is blocked.
  Shared shared(start, std::move(log_file), loops);
  raise_file_limit(shared.log, settings);
  for (int i = 0; i < loops; ++i)
    shared.loops.push_back(std::make_unique<Loop>(shared, start, i));
  const auto port = static_cast<std::uint16_t>(settings.listen_port);
  for (ListeningSocket& socket : sockets) {
    shared.log.info(fmt::format("listening on {}", socket.name));
    for (std::size_t i = 0; i < shared.loops.size(); ++i) {
      base::Fd fd =
          socket.is_unix ? base::Fd(::dup(socket.fds.front().get())) : std::move(socket.fds[i]);
      shared.loops[i]->add_listener(std::move(fd), port, socket.is_unix, socket.is_unix);
    }
  }
  sockets.clear();
  shared.log.info(fmt::format("process up: pgkeep {}, {} loop{}", options.version, loops,
                              loops == 1 ? "" : "s"));
  Control control(
      shared,
      {.files = start, .read = read, .version = options.version, .metrics = std::move(metrics)},
      signals);
  shared.control = &control;
  run_loops(shared, control);
  return {};
}

} // namespace pgkeep::pool
