// pool: the connection pooler, in the foreground or as a daemon.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/pool_servers.h"
#include "cli/target.h"
#include "pool/check.h"
#include "pool/pool.h"
#include "pool/toml.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kConfig{.name = "config",
                       .value = "FILE",
                       .help = "In the place of INI: a pgkeep.toml, of which [pool] counts."};
constexpr Flag kFlags[] = {
    kConfig,
    {.name = "loops",
     .value = "N",
     .help = "Threads that serve clients; else as many as there are cores."},
    {.name = "daemon",
     .help = "Run in the background; returns once it serves there, or says why it cannot.",
     .letter = 'd'},
    {.name = "user",
     .value = "NAME",
     .help = "Become this account before serving, in the place of the file's user."},
    {.name = "takeover",
     .help =
         "Online restart: take the sockets of the one that runs, then its clients as they become "
         "idle. Where none runs, start as usual."},
    {.name = "quiet", .help = "Write nothing of the log to standard error.", .letter = 'q'},
    {.name = "verbose", .help = "Log more: debug lines.", .letter = 'v'},
};

base::Result<int> parse_loops(const std::string& text) {
  int loops = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), loops);
  if (problem != std::errc() || end != text.data() + text.size() || loops < 1 ||
      loops > pool::kLoopsMax)
    return base::Error{
        .code = base::Code::usage,
        .what = fmt::format("--loops \"{}\" is no number of threads", base::printable(text)),
        .expected = fmt::format("1 to {}", pool::kLoopsMax)};
  return loops;
}

constexpr Flag kCheckFlags[] = {kConfig,
                                {.name = "format",
                                 .value = "FORMAT",
                                 .fallback = "text",
                                 .help = "How to report.",
                                 .choices = "text json"},
                                {.name = "offline", .help = "Ask no server for its limits."}};

/// INI, --config, or ./pgkeep.toml. A pgkeep.toml is looked at as a whole first: a mistake in
/// another part of it is one, too.
base::Result<std::string> configuration_path(const Arguments& arguments) {
  if (!arguments.words().empty()) {
    if (!arguments.has("config")) return arguments.words().front();
    return base::Error{.code = base::Code::usage,
                       .what = "both INI and --config are given",
                       .expected = "one of them"};
  }
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  std::string path = config.path().string();
  if (!path.empty()) {
    const auto read = [](const std::string& each) { return base::read_file(each); };
    PGKEEP_TRY(const pool::Configuration found, pool::read_configuration(path, read));
    if (!found.databases.empty()) return path;
  }
  return base::Error{.code = base::Code::usage,
                     .what = path.empty() ? "no configuration is named"
                                          : "no database is named in [pool.databases]",
                     .where = path,
                     .expected = "INI, or a pgkeep.toml with [pool.databases.NAME]",
                     .hint = "`pgkeep pool convert INI` makes one of PgBouncer's file."};
}

std::string word_of(const pool::FileProblem& problem) {
  return problem.kind == pool::FileProblem::Kind::error ? "error" : "warning";
}

base::Result<Exit> run_convert(const Arguments& arguments, Io& io) {
  const auto read = [](const std::string& path) { return base::read_file(path); };
  PGKEEP_TRY(const std::string toml, pool::toml_of_ini(arguments.words().front(), read));
  io.out(toml);
  PGKEEP_TRY(const std::vector<pool::FileProblem> lost,
             pool::lost_in_toml(arguments.words().front(), read));
  for (const pool::FileProblem& each : lost)
    io.err(fmt::format("{}: {}\n", word_of(each), each.text()));
  // What the pooler would say of the same files at its start.
  const auto check = pool::check(arguments.words().front());
  if (!check) {
    io.err(fmt::format("{}\n", base::to_line(check.error())));
    return Exit::done;
  }
  for (const pool::FileProblem& each : check->problems)
    io.err(fmt::format("{}: {}\n", word_of(each), each.text()));
  return Exit::done;
}

base::Json to_json(const pool::Check& check, const std::vector<ServerLimit>& limits) {
  base::Json databases{base::Json::Array{}};
  for (const auto& each : check.databases)
    databases.push(base::Json{{"name", each.name},
                              {"server", each.server},
                              {"pool_mode", each.mode},
                              {"pool_size", each.pool_size}});
  base::Json servers{base::Json::Array{}};
  for (const ServerLimit& each : limits) {
    base::Json server{{"server", each.server}, {"wanted", each.wanted}};
    if (each.given) server.set("given", *each.given);
    if (!each.problem.empty()) server.set("problem", each.problem);
    servers.push(std::move(server));
  }
  base::Json json{{"pgkeep", "pool-check/1"},     {"listens", base::Json::list(check.listens)},
                  {"auth_type", check.auth_type}, {"users", check.users},
                  {"peers", check.peers},         {"clients_max", check.clients_max}};
  json.set("databases", std::move(databases));
  json.set("servers", std::move(servers));
  json.set("warnings", base::Json::list(check.warnings));
  base::Json problems{base::Json::Array{}};
  for (const pool::FileProblem& each : check.problems)
    problems.push(base::Json{{"severity", word_of(each)}, {"text", each.text()}});
  json.set("problems", std::move(problems));
  return json;
}

std::string to_text(const pool::Check& check, const std::vector<ServerLimit>& limits,
                    std::string_view path) {
  std::string text = fmt::format(
      "{}: {}\n", path,
      check.problems.empty() ? "right" : "not all right: it runs, and passes over what is wrong");
  for (const pool::FileProblem& each : check.problems)
    text += fmt::format("  {:9} {}\n", word_of(each), each.text());
  for (const std::string& each : check.listens)
    text += fmt::format("  listens   {}\n", each);
  text += fmt::format("  clients   {} at most, auth_type {}, {} in auth_file\n", check.clients_max,
                      check.auth_type, check.users);
  for (const auto& each : check.databases)
    text += fmt::format("  database  {} -> {}, {} pooling, {} servers a user\n", each.name,
                        each.server, each.mode,
                        each.pool_size == 0 ? "any number of" : fmt::format("{}", each.pool_size));
  for (const ServerLimit& each : limits) {
    const std::string wanted =
        fmt::format("the pools may ask for {}{}", each.may_be_more ? "at least " : "", each.wanted);
    text += each.given ? fmt::format("  server    {}: gives {} connections, {}\n", each.server,
                                     *each.given, wanted)
                       : fmt::format("  server    {}: {}; its limit was not asked ({})\n",
                                     each.server, wanted, each.problem);
  }
  if (check.peers > 0) text += fmt::format("  peers     {}\n", check.peers);
  for (const std::string& each : check.warnings)
    text += fmt::format("  warning   {}\n", each);
  return text;
}

base::Result<Exit> run_check(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const std::string path, configuration_path(arguments));
  PGKEEP_TRY(pool::Check check, pool::check(path));
  std::vector<ServerLimit> limits;
  if (!arguments.has("offline")) limits = limits_of(check);
  for (const ServerLimit& each : limits) {
    if (std::string warning = warning_of(each); !warning.empty())
      check.warnings.push_back(std::move(warning));
  }
  io.out(arguments.get("format") == "json" ? to_json(check, limits).dump(true) + "\n"
                                           : to_text(check, limits, path));
  return check.problems.empty() ? Exit::done : Exit::findings;
}

base::Result<Exit> run_pool(const Arguments& arguments, Io&) {
  PGKEEP_TRY(const std::string path, configuration_path(arguments));
  pool::RunOptions options{.ini = path, .version = PGKEEP_VERSION};
  if (const auto loops = arguments.get("loops")) {
    PGKEEP_TRY(options.loops, parse_loops(*loops));
  }
  if (const auto user = arguments.get("user")) options.user = *user;
  options.is_daemon = arguments.has("daemon");
  options.takes_over = arguments.has("takeover");
  options.is_quiet = arguments.has("quiet");
  options.verbosity = arguments.has("verbose") ? 1 : 0;
  PGKEEP_CHECK(pool::run(options));
  return Exit::done;
}

} // namespace

const Command pool_command{
    .name = "pool",
    .summary = "Let many clients share few server connections, as PgBouncer does",
    .details =
        "Reads PgBouncer's ini file as it is: session, transaction and statement pooling, on all "
        "cores, with one limit a pool over all of them. It does not run as root: user or --user "
        "says whom it becomes. SIGINT waits until no server is in use, SIGTERM until the last "
        "client has left; a second one, or SIGQUIT, ends at once. Started under the name "
        "pgbouncer it has PgBouncer's command line. docs/pool.md has the rest.",
    .words = "[INI]",
    .words_help = "PgBouncer's configuration file; else ./pgkeep.toml.",
    .words_max = 1,
    .example = "pgkeep pool /etc/pgbouncer/pgbouncer.ini\n"
               "pgkeep pool --daemon --user postgres pool.ini",
    .flags = kFlags,
    .run = run_pool};

const Command pool_check_command{
    .name = "pool check",
    .summary = "Say whether the pooler's configuration is right, and what it would do",
    .details =
        "Reads all files that it names, and starts nothing. Asks each server, for a few "
        "seconds at most, whether it gives as many connections as the pools may ask for; one "
        "that cannot be asked is named. What is right and perhaps not meant is a warning. What is "
        "wrong and passed over, as PgBouncer does, is told with its file and line, and the exit "
        "status is 1 then.",
    .words = "[INI]",
    .words_help = "PgBouncer's configuration file; else ./pgkeep.toml.",
    .words_max = 1,
    .example = "pgkeep pool check /etc/pgbouncer/pgbouncer.ini",
    .flags = kCheckFlags,
    .run = run_check};

const Command pool_convert_command{
    .name = "pool convert",
    .summary = "Print PgBouncer's ini file as the [pool] of a pgkeep.toml",
    .details =
        "Nothing is lost but comments and conffile, which a pgkeep.toml does not have: both "
        "are read to the same configuration. Files that it includes go into the one. What is "
        "lost, and what the pooler would pass over in these files and in those that they "
        "name, is told on standard error.",
    .words = "INI",
    .words_help = "PgBouncer's configuration file.",
    .words_max = 1,
    .words_min = 1,
    .example = "pgkeep pool convert /etc/pgbouncer/pgbouncer.ini > pgkeep.toml",
    .run = run_convert};

} // namespace pgkeep::cli
