// up, status, down and the hidden supervise: the stack of one folder.
#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "stack/stack.h"
#include "stack/supervisor.h"

namespace pgkeep::cli {
namespace {

using stack::ServerState;
using stack::Status;

constexpr Flag kDirectory{
    .name = "dir", .value = "DIR", .fallback = ".pgkeep", .help = "The folder of the stack."};
constexpr Flag kFormat{.name = "format",
                       .value = "FORMAT",
                       .fallback = "text",
                       .help = "How to report.",
                       .choices = "text json"};
constexpr Flag kUpFlags[] = {
    kDirectory,
    {.name = "port",
     .value = "N",
     .help = "The application's port, where the pooler listens; else 5432 or the next free one."},
    {.name = "direct-port",
     .value = "N",
     .help = "The server's own port, for sessions past the pooler; else 10,000 above the "
             "application's, or the next free one."},
    {.name = "pg-bin",
     .value = "DIR",
     .help =
         "Folder of initdb and postgres; else pg_config's and /usr/lib/postgresql, newest first."},
    {.name = "demo", .help = "Also start a second, badly kept server with a demo shop to audit."},
    kFormat,
};
constexpr Flag kStatusFlags[] = {kDirectory, kFormat};
constexpr Flag kSuperviseFlags[] = {kDirectory};

base::Json to_json(const Status& status) {
  base::Json json{{"pgkeep", "status/1"},
                  {"state", name_of(status.state)},
                  {"why", status.why},
                  {"directory", status.directory.string()},
                  {"data", status.data.string()},
                  {"log", status.log.string()},
                  {"version", status.version},
                  {"server_pid", status.server_pid},
                  {"supervisor_pid", status.supervisor_pid},
                  {"restarts", status.restarts},
                  {"port", status.port},
                  {"socket_directory", status.socket_directory},
                  {"database", status.database},
                  {"root_certificate", status.root_certificate.string()},
                  {"passfile", status.passfile.string()}};
  if (status.pooler) {
    base::Json pooler{{"port", status.pooler->port},
                      {"pid", status.pooler->pid},
                      {"restarts", status.pooler->restarts},
                      {"why", status.pooler->why}};
    if (status.pooler->clients) pooler.set("clients", *status.pooler->clients);
    if (status.pooler->waiting) pooler.set("waiting", *status.pooler->waiting);
    if (status.pooler->servers) pooler.set("servers", *status.pooler->servers);
    json.set("pooler", std::move(pooler));
  }
  base::Json nested{base::Json::Array{}};
  for (const Status& one : status.nested)
    nested.push(to_json(one));
  json.set("nested", std::move(nested));
  return json;
}

std::string pooler_text(const Status::Pooler& pooler) {
  if (pooler.pid == 0)
    return fmt::format("  pooler    port {}, does not run{}{}\n", pooler.port,
                       pooler.why.empty() ? "" : ": ", base::printable(pooler.why));
  std::string text = fmt::format("  pooler    port {}, process {}, {} restarts", pooler.port,
                                 pooler.pid, pooler.restarts);
  if (pooler.clients && pooler.servers)
    text += fmt::format(", {} clients on {} servers", *pooler.clients, *pooler.servers);
  if (pooler.waiting && *pooler.waiting > 0) text += fmt::format(", {} waiting", *pooler.waiting);
  return text + "\n";
}

std::string ports_text(const Status& status) {
  if (!status.pooler) return fmt::format("{}", status.port);
  return fmt::format("{} (the pooler's), {} for direct sessions", status.pooler->port, status.port);
}

std::string to_text(const Status& status, std::string_view title) {
  std::string text = fmt::format("{}: {}", title, name_of(status.state));
  if (status.state == ServerState::absent)
    return text + fmt::format(" (nothing was set up in {})\n", status.directory.string());
  text += fmt::format(", PostgreSQL {}, port {}\n", status.version, ports_text(status));
  text +=
      fmt::format("  data      {}\n  logs      {}\n", status.data.string(), status.log.string());
  if (status.server_pid != 0)
    text +=
        fmt::format("  process   {} (supervisor {}, {} restarts)\n", status.server_pid,
                    status.supervisor_pid != 0 ? fmt::format("{}", status.supervisor_pid) : "none",
                    status.restarts);
  if (!status.why.empty() && status.state != ServerState::running)
    text += fmt::format("  last error: {}\n", status.why);
  if (status.pooler) text += pooler_text(*status.pooler);
  if (status.root_certificate.empty()) {
    text += fmt::format("  look      psql '{}'\n", admin_uri(status, status.database));
  } else {
    text += fmt::format("  app       psql '{}'\n", connection_uri(status, "app"));
    if (status.pooler) text += fmt::format("  direct    psql '{}'\n", direct_uri(status, "app"));
    text += fmt::format("  migrate   psql '{}'\n", direct_uri(status, "migrator"));
    text += fmt::format("  admin     psql '{}'\n", admin_uri(status, status.database));
    text += fmt::format("  passwords {}/<role>.password (0600)\n",
                        status.passfile.parent_path().string());
  }
  for (const Status& one : status.nested)
    text += to_text(one, "demo shop");
  return text;
}

void report(const Status& status, const Arguments& arguments, Io& io) {
  if (arguments.get("format") == "json") {
    io.out(to_json(status).dump(true) + "\n");
  } else {
    io.out(to_text(status, "server"));
  }
}

base::Result<std::optional<int>> parse_port(const Arguments& arguments, std::string_view flag) {
  const auto text = arguments.get(flag);
  if (!text) return std::optional<int>{};
  int port = 0;
  for (const char c : *text)
    port = c >= '0' && c <= '9' && port < 100'000 ? port * 10 + (c - '0') : 1'000'000;
  if (port < 1 || port > 65'535) {
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("--{} \"{}\" is no port", flag, base::printable(*text)),
                       .expected = "1 to 65535"};
  }
  return std::optional<int>(port);
}

base::Result<Exit> run_up(const Arguments& arguments, Io& io) {
  stack::UpOptions options{.directory = *arguments.get("dir"), .with_demo = arguments.has("demo")};
  PGKEEP_TRY(options.port, parse_port(arguments, "port"));
  PGKEEP_TRY(options.direct_port, parse_port(arguments, "direct-port"));
  if (const auto bin = arguments.get("pg-bin")) options.server_binaries = *bin;
  options.on_step = [&](std::string_view step) { io.step(step); };
  PGKEEP_TRY(const Status status, stack::up(options));
  report(status, arguments, io);
  return Exit::done;
}

base::Result<Exit> run_status(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const Status status, stack::status(*arguments.get("dir")));
  report(status, arguments, io);
  return status.state == ServerState::running ? Exit::done : Exit::unreachable;
}

base::Result<Exit> run_down(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const Status status,
             stack::down(*arguments.get("dir"), [&](std::string_view step) { io.step(step); }));
  report(status, arguments, io);
  return Exit::done;
}

base::Result<Exit> run_supervise(const Arguments& arguments, Io&) {
  PGKEEP_CHECK(stack::supervise(*arguments.get("dir")));
  return Exit::done;
}

} // namespace

const Command up_command{
    .name = "up",
    .summary = "Start a complete PostgreSQL here: secured, tuned, logged, supervised",
    .details = "Idempotent: what is there stays, what is missing is made, what runs is adopted. "
               "Nothing is ever deleted. The server has data "
               "checksums, its own certificate authority, roles for each purpose with timeouts, "
               "and generated passwords in 0600 files.",
    .example = "pgkeep up\npgkeep up --dir /srv/shop --port 5433",
    .flags = kUpFlags,
    .run = run_up};

const Command status_command{
    .name = "status",
    .summary = "Show whether the server of a folder runs, and how to connect",
    .details = "Exit status 0 when it runs under its supervisor, 3 when it does not.",
    .example = "pgkeep status --format json",
    .flags = kStatusFlags,
    .run = run_status};

const Command down_command{.name = "down",
                           .summary = "Stop the server of a folder; delete nothing",
                           .example = "pgkeep down",
                           .flags = kStatusFlags,
                           .run = run_down};

const Command supervise_command{
    .name = "supervise",
    .summary = "Keep the server of a folder running (what `up` starts in the background)",
    .example = "pgkeep supervise --dir .pgkeep",
    .flags = kSuperviseFlags,
    .is_hidden = true,
    .run = run_supervise};

} // namespace pgkeep::cli
