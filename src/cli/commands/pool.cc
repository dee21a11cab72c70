// pool: the connection pooler, in the foreground.
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "pool/pool.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "loops",
     .value = "N",
     .help = "Threads that serve clients; else as many as there are cores."},
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

base::Result<Exit> run_pool(const Arguments& arguments, Io&) {
  pool::RunOptions options{.ini = arguments.words().front(), .version = PGKEEP_VERSION};
  if (const auto loops = arguments.get("loops")) {
    PGKEEP_TRY(options.loops, parse_loops(*loops));
  }
  PGKEEP_CHECK(pool::run(options));
  return Exit::done;
}

} // namespace

const Command pool_command{
    .name = "pool",
    .summary = "Let many clients share few server connections, as PgBouncer does",
    .details =
        "Reads PgBouncer's ini file as it is and serves in the foreground: session, transaction "
        "and statement pooling, on all cores, with one limit a pool over all of them. What the "
        "file asks for and is not built yet is refused with the name of its key. SIGINT waits "
        "until no server is in use, SIGTERM ends at once. docs/pool.md has the rest.",
    .words = "INI",
    .words_help = "PgBouncer's configuration file.",
    .words_max = 1,
    .words_min = 1,
    .example = "pgkeep pool /etc/pgbouncer/pgbouncer.ini",
    .flags = kFlags,
    .run = run_pool};

} // namespace pgkeep::cli
