#include "stack/pooler.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "postgres/quote.h"
#include "roles/service_roles.h"
#include "stack/settings.h"

namespace pgkeep::stack {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPauseFirst{200};
constexpr milliseconds kPauseMax{10'000};
constexpr milliseconds kHealthy{60'000};
constexpr milliseconds kPoliteLimit{5'000};
constexpr milliseconds kStopLimit{10'000};
constexpr milliseconds kConsoleLimit{3'000};
constexpr int kPoolSizeMax = 20;
/// Of a role's own limit: what is left is for direct sessions.
constexpr int kSharePercent = 80;
constexpr int kClientsMax = 1000;
/// The pool that asks for secrets; a name that no database of the stack has.
constexpr std::string_view kSecretsName = "pgkeep secrets";
constexpr int kSecretsPoolSize = 2;

std::filesystem::path folder_of(const Layout& layout) {
  return layout.home / "pool";
}
std::filesystem::path configuration_of(const Layout& layout) {
  return folder_of(layout) / "pool.toml";
}
std::filesystem::path pid_file_of(const Layout& layout) {
  return folder_of(layout) / "pool.pid";
}
std::filesystem::path log_of(const Layout& layout) {
  return layout.directory / "pooler.log";
}

int pool_size_of(const roles::ServiceRole& role) {
  const int limit = kMaxConnections * role.connection_limit / 100;
  return std::clamp(limit * kSharePercent / 100, 1, kPoolSizeMax);
}

std::string text_in_toml(std::string_view text) {
  return fmt::format("\"{}\"", base::replace_all(base::replace_all(std::string(text), "\\", "\\\\"),
                                                 "\"", "\\\""));
}

/// What the server stores of a service role that may log in. Nobody else comes in through the
/// pooler.
std::string secrets_query() {
  std::string names;
  for (const roles::ServiceRole& role : roles::service_roles()) {
    if (role.connection_limit > 0)
      names += fmt::format("{}{}", names.empty() ? "" : ", ", postgres::quote_literal(role.name));
  }
  return fmt::format(
      "SELECT rolname, CASE WHEN rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() THEN NULL "
      "ELSE rolpassword END FROM pg_catalog.pg_authid WHERE rolname OPERATOR(pg_catalog.=) $1 AND "
      "rolname OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.name[]) AND rolcanlogin",
      names);
}

std::string configuration_text(const Layout& layout, const State& state,
                               std::string_view database) {
  std::string text = fmt::format("# Written by `pgkeep up` at every start.\n"
                                 "[pool]\n"
                                 "listen_addr = \"localhost\"\n"
                                 "listen_port = {}\n"
                                 "unix_socket_dir = {}\n"
                                 "client_tls_sslmode = \"require\"\n"
                                 "client_tls_cert_file = {}\n"
                                 "client_tls_key_file = {}\n"
                                 "auth_type = \"scram-sha-256\"\n"
                                 "pidfile = {}\n"
                                 "pool_mode = \"transaction\"\n"
                                 "keep_session_settings = true\n"
                                 "pin_sessions = true\n"
                                 "share_listen = true\n"
                                 // The supervisor has a fallen server back within a second or two.
                                 "server_login_retry = \"1s\"\n"
                                 "max_client_conn = {}\n"
                                 "log_connections = false\n"
                                 "log_stats = false\n"
                                 "log_disconnections = false\n",
                                 state.pool_port, text_in_toml(layout.sockets.string()),
                                 text_in_toml((layout.tls() / "server.crt").string()),
                                 text_in_toml((layout.tls() / "server.key").string()),
                                 text_in_toml(pid_file_of(layout).string()), kClientsMax);
  if (layout.account) text += fmt::format("user = {}\n", text_in_toml(layout.account->name));
  const std::string server =
      fmt::format("host = {}\nport = {}\n", text_in_toml(layout.sockets.string()), state.port);
  text += fmt::format("\n[pool.databases.{0}]\n{1}dbname = {0}\nauth_user = \"postgres\"\n"
                      "auth_dbname = {2}\nauth_query = {3}\n",
                      text_in_toml(database), server, text_in_toml(kSecretsName),
                      text_in_toml(secrets_query()));
  // No auth_user here: no client comes in by this name.
  text += fmt::format("\n[pool.databases.{}]\n{}dbname = \"postgres\"\npool_size = {}\n"
                      "connect_query = \"SET application_name = 'pgkeep/pooler'\"\n",
                      text_in_toml(kSecretsName), server, kSecretsPoolSize);
  for (const roles::ServiceRole& role : roles::service_roles()) {
    if (role.connection_limit > 0)
      text += fmt::format("\n[pool.users.{}]\npool_size = {}\n", role.name, pool_size_of(role));
  }
  return text;
}

base::Result<> write_if_different(const std::filesystem::path& path, const std::string& text,
                                  const base::WriteOptions& options) {
  PGKEEP_TRY(const std::optional<std::string> now, base::read_file_if_exists(path));
  if (now && *now == text) return {};
  return base::write_file_durably(path, text, options);
}

/// A row of SHOW POOLS.
void add_pool(PoolerFigures& figures, const std::vector<std::string>& names,
              const std::vector<std::string>& fields) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::int64_t count = base::integer_or(fields[i], 0);
    const std::string_view name = names[i];
    if (name == "cl_active" || name == "cl_waiting") figures.clients += count;
    if (name == "cl_waiting") figures.waiting += count;
    if (name == "sv_active" || name == "sv_idle" || name == "sv_used" || name == "sv_tested")
      figures.servers += count;
  }
}

/// The last line of its log: why it ended.
std::string last_words(const Layout& layout) {
  const auto text = base::read_file(log_of(layout));
  if (!text) return {};
  std::string last;
  for (const std::string& line : base::split(*text, '\n')) {
    if (!base::trim(line).empty()) last = line;
  }
  return last;
}

} // namespace

bool has_pooler(const Layout& layout) {
  std::error_code ignored;
  return !layout.is_demo && std::filesystem::exists(configuration_of(layout), ignored);
}

base::Result<> write_pooler_files(const Layout& layout, const State& state,
                                  std::string_view database) {
  PGKEEP_CHECK(base::make_directory(folder_of(layout), {.mode = 0700, .owner = layout.account}));
  PGKEEP_CHECK(write_if_different(configuration_of(layout),
                                  configuration_text(layout, state, database),
                                  {.mode = 0600, .owner = layout.account}));
  // Where an older pgkeep kept the roles' secrets.
  std::error_code ignored;
  std::filesystem::remove(folder_of(layout) / "users", ignored);
  return {};
}

bool Pooler::keep_up() {
  bool is_changed = false;
  if (process_ && !base::is_running(*process_)) {
    ::waitpid(process_->pid, nullptr, WNOHANG); // Ours to reap if we started it.
    last_error_ = last_words(layout_);
    base::log::error("the pooler is down", {{"last_words", last_error_}});
    if (Clock::now() - started_at_ > kHealthy) pause_ = milliseconds{0};
    next_start_ = Clock::now() + pause_;
    pause_ = std::clamp(pause_ * 2, kPauseFirst, kPauseMax);
    process_.reset();
    ++restarts_;
    is_changed = true;
  }
  if (process_ || !has_pooler(layout_) || Clock::now() < next_start_) return is_changed;
  start();
  return true;
}

void Pooler::start() {
  started_at_ = Clock::now();
  const auto pid = base::spawn_process({.argv = {base::own_executable().string(), "pool",
                                                 "--config", configuration_of(layout_).string()},
                                        .output_file = log_of(layout_)});
  if (pid) process_ = base::identify_process(*pid);
  if (process_) {
    base::log::info("started the pooler", {{"pid", static_cast<std::int64_t>(process_->pid)}});
    return;
  }
  last_error_ = pid ? "the pooler ended at once" : pid.error().what;
  pause_ = std::clamp(pause_ * 2, kPauseFirst, kPauseMax);
  next_start_ = Clock::now() + pause_;
}

std::optional<milliseconds> Pooler::due_in() const {
  if (process_ || !has_pooler(layout_)) return std::nullopt;
  return std::max(milliseconds{0},
                  std::chrono::duration_cast<milliseconds>(next_start_ - Clock::now()) +
                      milliseconds{1});
}

void Pooler::reload() const {
  if (process_ && base::is_running(*process_)) ::kill(process_->pid, SIGHUP);
}

void Pooler::stop() {
  if (!process_ || !base::is_running(*process_)) return;
  const auto is_over = [this] {
    // Where it is our child it is over once it is reaped: its first thread can be gone before.
    const pid_t reaped = ::waitpid(process_->pid, nullptr, WNOHANG);
    return reaped > 0 || (reaped < 0 && !base::is_running(*process_));
  };
  ::kill(process_->pid, SIGINT);
  if (!base::wait_until(kPoliteLimit, is_over)) {
    ::kill(process_->pid, SIGQUIT);
    if (!base::wait_until(kStopLimit, is_over)) {
      ::kill(process_->pid, SIGKILL);
      base::wait_until(kStopLimit, is_over);
    }
  }
  process_.reset();
}

bool pooler_answers(const Layout& layout, int port) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (layout.sockets / fmt::format(".s.PGSQL.{}", port)).string();
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::ranges::copy(path, address.sun_path);
  const base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd.is_open() &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

std::optional<PoolerFigures> pooler_figures(const Layout& layout, int port) {
  const auto shown = base::run_checked(
      {.argv = {"psql", "-X", "-A", "-w", "-h", layout.sockets, "-p", std::to_string(port), "-U",
                "pgbouncer", "-d", "pgbouncer", "-c", "SHOW POOLS"},
       .run_as = layout.account,
       .time_limit = kConsoleLimit});
  if (!shown) return std::nullopt;
  std::vector<std::string> names;
  PoolerFigures figures;
  for (const std::string& line : base::split(*shown, '\n')) {
    const std::vector<std::string> fields = base::split(line, '|');
    if (names.empty()) {
      names = fields;
    } else if (fields.size() == names.size() && fields.front() != "pgbouncer" &&
               fields.front() != kSecretsName) { // Not the console, nor what is our own.
      add_pool(figures, names, fields);
    }
  }
  return figures;
}

} // namespace pgkeep::stack
