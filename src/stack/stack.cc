#include "stack/stack.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/files.h"
#include "base/process.h"
#include "catalog/host.h"
#include "postgres/cluster.h"
#include "postgres/conn.h"
#include "roles/service_roles.h"
#include "stack/demo.h"
#include "stack/layout.h"
#include "stack/passwords.h"
#include "stack/pooler.h"
#include "stack/ports.h"
#include "stack/server_files.h"
#include "stack/settings.h"
#include "stack/supervisor.h"

namespace pgkeep::stack {
namespace {

using OnStep = std::function<void(std::string_view)>;

constexpr std::string_view kDatabase = "app";
constexpr std::string_view kProvision =
    "1"; ///< Raised when roles or privileges change, so that `up` applies them again.
constexpr std::chrono::milliseconds kReadyLimit{90'000};
constexpr std::chrono::milliseconds kStopLimit{150'000};
constexpr std::chrono::milliseconds kLockLimit{10'000};
constexpr std::chrono::milliseconds kPoolerLimit{20'000};

base::Error nothing_here(const std::filesystem::path& directory) {
  return {.code = base::Code::usage,
          .what = "nothing was set up here",
          .where = directory.string(),
          .expected = "a folder made by `pgkeep up`",
          .hint = "Run `pgkeep up`, or name the folder with --dir."};
}

base::Result<base::FileLock> lock_up(const Layout& layout) {
  std::optional<base::FileLock> lock;
  std::optional<base::Error> failed;
  base::wait_until(kLockLimit, [&] {
    auto tried = base::FileLock::try_acquire(layout.up_lock());
    if (!tried)
      failed = std::move(tried).error();
    else if (*tried)
      lock.emplace(std::move(**tried));
    return failed.has_value() || lock.has_value();
  });
  if (failed) return *std::move(failed);
  if (!lock) {
    return base::Error{.code = base::Code::refused,
                       .what = "another `pgkeep up` or `down` works in this folder",
                       .where = layout.directory.string(),
                       .hint = "Wait for it to end, then try again."};
  }
  return std::move(*lock);
}

/// The binaries to use: those given, else the newest; for data that exists, those of its major
/// version.
base::Result<postgres::ServerBinaries> choose_binaries(const Layout& layout,
                                                       const UpOptions& options) {
  PGKEEP_TRY(const auto found, postgres::find_server_binaries(options.server_binaries));
  PGKEEP_TRY(const std::optional<int> data_major, postgres::data_major_version(layout.data()));
  if (!data_major) return found.front();
  for (const postgres::ServerBinaries& binaries : found) {
    if (binaries.version.major() == *data_major) return binaries;
  }
  return base::Error{
      .code = base::Code::unsupported,
      .what = fmt::format("the data belongs to PostgreSQL {}, and the binaries found are {}",
                          *data_major, to_text(found.front().version)),
      .where = layout.data().string(),
      .expected = fmt::format("binaries of PostgreSQL {}", *data_major),
      .hint = fmt::format("Install postgresql-{0}, or name its folder with --pg-bin; to change the "
                          "major version, use "
                          "pg_upgrade or dump and restore.",
                          *data_major)};
}

base::Result<> make_folders(const Layout& layout) {
  PGKEEP_CHECK(base::make_directory(layout.directory, {.mode = 0755}));
  PGKEEP_CHECK(base::make_directory(layout.home, {.mode = 0755}));
  PGKEEP_CHECK(base::make_directory(layout.secrets(), {.mode = 0700}));
  for (const std::filesystem::path& folder : {layout.tls(), layout.log(), layout.sockets}) {
    const unsigned mode = folder == layout.sockets ? 0755U : 0700U;
    PGKEEP_CHECK(base::make_directory(folder, {.mode = mode, .owner = layout.account}));
  }
  return {};
}

/// Folders of calls that were killed: no server ever ran on them. Their initdb may still be at
/// work, so each call has its own name.
void remove_partial_folders(const Layout& layout) {
  std::error_code ignored;
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(layout.home, ignored)) {
    if (entry.path().filename().string().starts_with("data.partial."))
      found.push_back(entry.path());
  }
  for (const std::filesystem::path& path : found)
    std::filesystem::remove_all(path, ignored);
}

/// initdb into a folder aside, then one rename: data is there whole or not at all.
base::Result<> make_data(const Layout& layout, const postgres::ServerBinaries& binaries) {
  PGKEEP_TRY(const std::optional<int> present, postgres::data_major_version(layout.data()));
  remove_partial_folders(layout);
  if (present) return {};
  const std::filesystem::path partial = layout.home / fmt::format("data.partial.{}", ::getpid());
  PGKEEP_CHECK(base::make_directory(partial, {.mode = 0700, .owner = layout.account}));
  auto made =
      postgres::init_cluster({.binaries = binaries, .data = partial, .run_as = layout.account});
  if (!made) {
    remove_partial_folders(layout);
    return made;
  }
  std::error_code failed;
  std::filesystem::rename(partial, layout.data(), failed);
  if (failed) {
    return base::Error{
        .code = base::Code::io,
        .what = failed.message(),
        .where = layout.data().string(),
        .hint = "A folder of that name without PG_VERSION is in the way: move it aside."};
  }
  return base::fsync_directory(layout.home);
}

base::Result<std::optional<SupervisorRecord>>
live_supervisor(const std::filesystem::path& directory) {
  PGKEEP_TRY(auto record, read_supervisor_record(directory));
  if (record && base::is_running(record->process)) return record;
  return std::optional<SupervisorRecord>{};
}

base::Result<> start_supervisor(const Layout& layout) {
  PGKEEP_TRY(const auto live, live_supervisor(layout.directory));
  if (live) return {};
  PGKEEP_TRY(const pid_t pid,
             base::spawn_process({.argv = {base::own_executable().string(), "supervise", "--dir",
                                           layout.directory.string()},
                                  .output_file = layout.supervisor_log()}));
  const bool is_up = base::wait_until(kLockLimit, [&] {
    const auto record = live_supervisor(layout.directory);
    return record && *record && (*record)->process.pid == pid;
  });
  if (is_up) return {};
  return base::Error{.code = base::Code::io,
                     .what = "the supervisor did not start",
                     .where = layout.directory.string(),
                     .hint = fmt::format("Its log says why: {}", layout.supervisor_log().string()),
                     .left = "Files are in place, nothing runs; `pgkeep up` goes on from here."};
}

base::Result<postgres::Connection> open_admin(const Layout& layout, int port) {
  return postgres::Connection::open(
      fmt::format("host='{}' port={} user=postgres dbname=postgres", layout.sockets.string(), port),
      {.application_name = "pgkeep/up", .read_only = false});
}

/// Ready is who answers: postmaster.pid of a server that was killed a moment ago still says so.
base::Result<> wait_until_ready(const Layout& layout, int port) {
  std::optional<base::Error> gave_up;
  const bool is_ready = base::wait_until(kReadyLimit, [&] {
    const auto running = postgres::running_postmaster(layout.data());
    if (running && *running && (*running)->status == "ready" && open_admin(layout, port))
      return true;
    const auto record = read_supervisor_record(layout.directory);
    const bool is_over = record && *record && !base::is_running((*record)->process);
    if (is_over) {
      gave_up = base::Error{
          .code = base::Code::io,
          .what = (*record)->last_error.empty() ? "the supervisor ended" : (*record)->last_error,
          .where = layout.data().string(),
          .hint = fmt::format("The server's log: {} and {}", layout.server_log().string(),
                              layout.log().string()),
          .left = "Nothing was lost; `pgkeep up` tries again."};
    }
    return is_over;
  });
  if (gave_up) return *std::move(gave_up);
  if (is_ready) return {};
  return base::Error{.code = base::Code::timeout,
                     .what = "the server does not accept connections yet",
                     .where = layout.data().string(),
                     .hint = "A recovery may take long: `pgkeep status` shows when it is over.",
                     .left = "The server is starting under its supervisor."};
}

struct Prepared {
  Layout layout;
  State state;
};

/// Files and folders: all that must be there before a server can start.
base::Result<Prepared> prepare(const std::filesystem::path& directory, const UpOptions& options,
                               bool is_demo) {
  PGKEEP_TRY(std::optional<State> known, read_state(absolute_directory(directory)));
  Layout layout;
  if (known) {
    PGKEEP_TRY(layout, layout_of(directory, *known));
  } else {
    PGKEEP_TRY(layout, plan_layout(directory, is_demo));
  }
  PGKEEP_TRY(const postgres::ServerBinaries binaries, choose_binaries(layout, options));
  PGKEEP_TRY(const Ports ports, choose_ports(known, {.application = options.port,
                                                     .direct = options.direct_port,
                                                     .is_demo = is_demo}));
  PGKEEP_CHECK(require_ports(layout, known, ports));
  PGKEEP_CHECK(make_folders(layout));
  State state = known.value_or(State{.home = layout.home,
                                     .sockets = layout.sockets,
                                     .bin = {},
                                     .is_demo = is_demo,
                                     .provisioned_by = {}});
  const bool is_changed = !known || state.bin != binaries.bin || ports_of(state) != ports;
  state.bin = binaries.bin;
  state.major = binaries.version.major();
  state.port = ports.server;
  state.pool_port = ports.pooler;
  state.pooler_has_app_port = ports.pooler_has_app_port;
  if (!known)
    options.on_step(fmt::format("making a PostgreSQL {} cluster in {}", to_text(binaries.version),
                                layout.data().string()));
  PGKEEP_CHECK(make_data(layout, binaries));
  if (is_changed) PGKEEP_CHECK(write_state(layout, state));
  const catalog::Host host = catalog::read_host(layout.data().string());
  const auto settings = is_demo ? demo_settings(layout, state.port)
                                : production_settings(host, layout, state.port, state.major);
  PGKEEP_CHECK(write_settings(layout, settings));
  PGKEEP_CHECK(write_access_files(layout, kDatabase));
  // Before the supervisor comes, who starts it: a pooler keeps its port while it runs.
  if (!is_demo) PGKEEP_CHECK(write_pooler_files(layout, state, kDatabase));
  PGKEEP_CHECK(ensure_certificates(layout, base::SystemClock().now()));
  return Prepared{.layout = std::move(layout), .state = std::move(state)};
}

base::Result<> provision(const Prepared& stack, const OnStep& on_step) {
  PGKEEP_TRY(const Passwords passwords, ensure_passwords(stack.layout));
  PGKEEP_CHECK(write_passfile(stack.layout, passwords, {stack.state.port, stack.state.pool_port}));
  if (stack.state.provisioned_by == kProvision && !passwords.made_any) return {};
  on_step("roles, privileges and timeouts");
  PGKEEP_TRY(postgres::Connection admin, open_admin(stack.layout, stack.state.port));
  PGKEEP_CHECK(roles::provision(admin, {.database = std::string(kDatabase),
                                        .max_connections = kMaxConnections,
                                        .passwords = passwords.all}));
  State state = stack.state;
  state.provisioned_by = kProvision;
  return write_state(stack.layout, state);
}

/// The supervisor starts it, or makes it read its files again.
base::Result<> start_pooler(const Layout& layout, int port) {
  PGKEEP_TRY(const auto live, live_supervisor(layout.directory));
  if (live) ::kill(live->process.pid, SIGHUP);
  if (base::wait_until(kPoolerLimit, [&] { return pooler_answers(layout, port); })) return {};
  return base::Error{
      .code = base::Code::io,
      .what = "the pooler does not answer",
      .where = fmt::format("localhost:{}", port),
      .hint = fmt::format("Its log says why: {}. (A supervisor of an older pgkeep knows no pooler: "
                          "`pgkeep down`, then `pgkeep up`.)",
                          (layout.directory / "pooler.log").string()),
      .left = "The server runs; `pgkeep up` goes on from here."};
}

base::Result<> up_one(const std::filesystem::path& directory, const UpOptions& options,
                      bool is_demo) {
  const std::filesystem::path absolute = absolute_directory(directory);
  PGKEEP_CHECK(base::make_directory(absolute, {.mode = 0755}));
  PGKEEP_TRY(const base::FileLock lock,
             lock_up(Layout{.directory = absolute, .home = {}, .sockets = {}, .account = {}}));
  PGKEEP_TRY(const Prepared stack, prepare(absolute, options, is_demo));
  PGKEEP_TRY(const auto running, postgres::running_postmaster(stack.layout.data()));
  if (running) {
    ::kill(running->process.pid, SIGHUP); // Files may have changed.
  }
  options.on_step(running ? "adopting the running server" : "starting the server");
  PGKEEP_CHECK(start_supervisor(stack.layout));
  PGKEEP_CHECK(wait_until_ready(stack.layout, stack.state.port));
  if (is_demo) return load_demo(stack.layout, stack.state.port, options.on_step);
  auto done = provision(stack, options.on_step);
  if (!done)
    return with_left(std::move(done).error(),
                     "The server runs; its roles are not complete. `pgkeep up` goes on from here.");
  options.on_step("the pooler");
  return start_pooler(stack.layout, stack.state.pool_port);
}

ServerState state_of(const std::optional<postgres::PostmasterPid>& server,
                     const std::optional<SupervisorRecord>& record) {
  const bool has_supervisor = record && base::is_running(record->process);
  if (server && server->status != "ready") return ServerState::starting;
  if (server) return has_supervisor ? ServerState::running : ServerState::unsupervised;
  if (has_supervisor) return ServerState::starting;
  return record && record->state == SupervisorState::gave_up ? ServerState::gave_up
                                                             : ServerState::stopped;
}

std::optional<Status::Pooler> pooler_of(const Layout& layout, const State& state,
                                        const std::optional<SupervisorRecord>& record) {
  if (state.pool_port == 0) return std::nullopt;
  Status::Pooler pooler{.port = state.pool_port};
  if (!record) return pooler;
  pooler.restarts = record->pooler_restarts;
  if (!record->pooler || !base::is_running(*record->pooler)) {
    pooler.why = record->pooler_error;
    return pooler;
  }
  pooler.pid = static_cast<std::int32_t>(record->pooler->pid);
  if (const auto figures = pooler_figures(layout, state.pool_port)) {
    pooler.clients = figures->clients;
    pooler.waiting = figures->waiting;
    pooler.servers = figures->servers;
  }
  return pooler;
}

base::Result<std::string> server_version(const State& state) {
  const auto found = postgres::find_server_binaries(state.bin);
  if (!found || found->empty()) return fmt::format("{}", state.major);
  return to_text(found->front().version);
}

base::Result<> down_one(const Layout& layout, const OnStep& on_step) {
  PGKEEP_TRY(const base::FileLock lock, lock_up(layout));
  PGKEEP_TRY(const auto live, live_supervisor(layout.directory));
  if (live) {
    on_step(fmt::format("stopping {}", layout.data().string()));
    ::kill(live->process.pid, SIGTERM);
    if (!base::wait_until(kStopLimit, [&] { return !base::is_running(live->process); })) {
      return base::Error{.code = base::Code::timeout,
                         .what = "the supervisor does not end",
                         .where = layout.directory.string(),
                         .hint = fmt::format("Its log: {}", layout.supervisor_log().string())};
    }
  }
  PGKEEP_TRY(const auto record, read_supervisor_record(layout.directory));
  if (record) Pooler(layout, record->pooler).stop(); // A supervisor that was killed left it.
  return postgres::stop_server(layout.data(), postgres::Shutdown::fast, kStopLimit);
}

std::string uri_of(const Status& status, std::string_view role, int port) {
  if (status.root_certificate.empty())
    return fmt::format("postgresql://{}@localhost:{}/{}", role, port, status.database);
  return fmt::format(
      "postgresql://{}@localhost:{}/{}?sslmode=verify-full&sslrootcert={}&passfile={}", role, port,
      status.database, status.root_certificate.string(), status.passfile.string());
}

} // namespace

std::string_view name_of(ServerState state) noexcept {
  switch (state) {
  case ServerState::absent:
    return "absent";
  case ServerState::stopped:
    return "stopped";
  case ServerState::starting:
    return "starting";
  case ServerState::running:
    return "running";
  case ServerState::unsupervised:
    return "running without a supervisor";
  case ServerState::gave_up:
    return "gave up";
  }
  return "unknown";
}

base::Result<Status> up(const UpOptions& options) {
  PGKEEP_CHECK(up_one(options.directory, options, false));
  if (options.with_demo) PGKEEP_CHECK(up_one(options.directory / "demo", options, true));
  return stack::status(options.directory);
}

base::Result<Status> status(const std::filesystem::path& directory) {
  const std::filesystem::path absolute = absolute_directory(directory);
  PGKEEP_TRY(const std::optional<State> state, read_state(absolute));
  if (!state) return Status{.state = ServerState::absent, .why = {}, .directory = absolute};
  PGKEEP_TRY(const Layout layout, layout_of(absolute, *state));
  PGKEEP_TRY(const auto server, postgres::running_postmaster(layout.data()));
  PGKEEP_TRY(const auto record, read_supervisor_record(absolute));
  PGKEEP_TRY(const std::string version, server_version(*state));
  const bool has_supervisor = record && base::is_running(record->process);
  Status out{.state = state_of(server, record),
             .why = record ? record->last_error : "",
             .directory = absolute,
             .data = layout.data(),
             .log = layout.log(),
             .version = version,
             .server_pid = server ? static_cast<std::int32_t>(server->process.pid) : 0,
             .supervisor_pid = has_supervisor ? static_cast<std::int32_t>(record->process.pid) : 0,
             .restarts = record ? record->restarts : 0,
             .port = state->port,
             .socket_directory = layout.sockets.string(),
             .database = std::string(state->is_demo ? "shop" : kDatabase),
             .root_certificate = state->is_demo ? std::filesystem::path() : layout.authority(),
             .passfile = state->is_demo ? std::filesystem::path() : layout.passfile(),
             .pooler = pooler_of(layout, *state, record)};
  PGKEEP_TRY(const std::optional<State> demo, read_state(absolute / "demo"));
  if (demo && !state->is_demo) {
    PGKEEP_TRY(Status nested, stack::status(absolute / "demo"));
    out.nested.push_back(std::move(nested));
  }
  return out;
}

base::Result<Status> down(const std::filesystem::path& directory, const OnStep& on_step) {
  const std::filesystem::path absolute = absolute_directory(directory);
  PGKEEP_TRY(const std::optional<State> state, read_state(absolute));
  if (!state) return nothing_here(absolute);
  PGKEEP_TRY(const std::optional<State> demo, read_state(absolute / "demo"));
  if (demo && !state->is_demo) {
    PGKEEP_TRY(const Layout layout, layout_of(absolute / "demo", *demo));
    PGKEEP_CHECK(down_one(layout, on_step));
  }
  PGKEEP_TRY(const Layout layout, layout_of(absolute, *state));
  PGKEEP_CHECK(down_one(layout, on_step));
  return stack::status(absolute);
}

std::string connection_uri(const Status& status, std::string_view role) {
  return uri_of(status, role, status.pooler ? status.pooler->port : status.port);
}

std::string direct_uri(const Status& status, std::string_view role) {
  return uri_of(status, role, status.port);
}

std::string admin_uri(const Status& status, std::string_view database) {
  return fmt::format("postgresql:///{}?host={}&port={}&user=postgres", database,
                     status.socket_directory, status.port);
}

} // namespace pgkeep::stack
