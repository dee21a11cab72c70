// PgBouncer's command line, for whoever starts us under that name: its options, its words, its exit
// codes.
#include <getopt.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/io.h"
#include "pool/pool.h"

namespace pgkeep::cli {
namespace {

constexpr int kRefused = 1;
/// Whose manual we follow.
constexpr std::string_view kPgbouncerVersion = "1.25.0";

std::string usage(std::string_view program) {
  return fmt::format("{0} is a connection pooler for PostgreSQL.\n\n"
                     "Usage:\n"
                     "  {0} [OPTION]... CONFIG_FILE\n"
                     "\nOptions:\n"
                     "  -d, --daemon         run in background (as a daemon)\n"
                     "  -q, --quiet          run quietly\n"
                     "  -R, --reboot         do an online reboot\n"
                     "  -u, --user=USERNAME  assume identity of USERNAME\n"
                     "  -v, --verbose        increase verbosity\n"
                     "  -V, --version        show version, then exit\n"
                     "  -h, --help           show this help, then exit\n"
                     "\nThis is pgkeep's pooler: `pgkeep pool --help` has more.\n",
                     program);
}

/// As its log has lines, so that who reads its standard error finds them.
void complain(Io& io, std::string_view level, std::string_view text) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  io.err(fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} {:%Z} [{}] {} {}\n", parts, millis.count() % 1000,
                     parts, ::getpid(), level, text));
}

int serve(const pool::RunOptions& options, Io& io) {
  const auto done = pool::run(options);
  if (done) return 0;
  if (options.is_quiet) return kRefused;
  const base::Error& error = done.error();
  const bool is_of_file = error.code == base::Code::config || error.code == base::Code::unsupported;
  const bool is_unread = error.code == base::Code::io && error.where == options.ini;
  if (is_unread) {
    complain(io, "ERROR", fmt::format("could not load file \"{}\": {}", error.where, error.what));
  } else if (!is_of_file || error.where.empty()) {
    complain(io, "FATAL", pool::log_text_of(error));
    return kRefused;
  } else {
    complain(io, "ERROR", pool::log_text_of(error));
  }
  complain(io, "FATAL", "cannot load config file");
  return kRefused;
}

int run_pgbouncer(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  Io io = Io::standard();
  const std::string program = arguments[0];
  const std::string advice = fmt::format("Try \"{} --help\" for more information.\n", program);
  constexpr option kOptions[] = {
      {"quiet", no_argument, nullptr, 'q'},      {"verbose", no_argument, nullptr, 'v'},
      {"help", no_argument, nullptr, 'h'},       {"daemon", no_argument, nullptr, 'd'},
      {"version", no_argument, nullptr, 'V'},    {"reboot", no_argument, nullptr, 'R'},
      {"user", required_argument, nullptr, 'u'}, {nullptr, 0, nullptr, 0}};
  pool::RunOptions options{.ini = {}, .version = PGKEEP_VERSION};
  for (;;) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there are no threads yet.
    switch (::getopt_long(count, arguments, "qvhdVRu:", kOptions, nullptr)) {
    case 'q':
      options.is_quiet = true;
      continue;
    case 'v':
      ++options.verbosity;
      continue;
    case 'd':
      options.is_daemon = true;
      continue;
    case 'R':
      options.takes_over = true;
      continue;
    case 'u':
      options.user = optarg;
      continue;
    case 'V':
      io.out(fmt::format("PgBouncer {}\npgkeep {}\n", kPgbouncerVersion, PGKEEP_VERSION));
      return 0;
    case 'h':
      io.out(usage(program));
      return 0;
    case -1:
      break;
    default:
      io.err(advice);
      return kRefused;
    }
    break;
  }
  if (optind + 1 != count) {
    io.err(fmt::format("{}: no configuration file specified\n{}", program, advice));
    return kRefused;
  }
  options.ini = arguments[optind];
  return serve(options, io);
}

} // namespace

std::optional<int> run_by_name(int count, char** arguments) {
  if (count < 1) return std::nullopt;
  const std::string_view path = arguments[0];
  if (path.substr(path.rfind('/') + 1) != "pgbouncer") return std::nullopt;
  return run_pgbouncer(count, arguments);
}

} // namespace pgkeep::cli
