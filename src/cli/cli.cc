#include "cli/cli.h"

#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "cli/command.h"

namespace pgkeep::cli {
namespace {

struct Match {
  const Command* command = nullptr;
  std::size_t words = 0;
};

/// The longest name that the first words spell: "snapshot save" before "snapshot".
Match match_command(const std::vector<std::string>& words) {
  Match best;
  for (const Command* const command : all_commands()) {
    const std::vector<std::string> name = base::split(command->name, ' ');
    if (name.size() <= best.words || name.size() > words.size()) continue;
    if (std::equal(name.begin(), name.end(), words.begin()))
      best = {.command = command, .words = name.size()};
  }
  return best;
}

base::Error unknown_command(const std::vector<std::string>& words) {
  std::vector<std::string_view> names;
  for (const Command* const command : all_commands()) {
    if (!command->is_hidden) names.push_back(command->name);
  }
  const std::string given = base::printable(
      words.size() > 1 && !words[1].starts_with("-") ? words[0] + " " + words[1] : words[0]);
  std::optional<std::string> near = base::nearest(given, names);
  if (!near) near = base::nearest(words[0], names);
  return {.code = base::Code::usage,
          .what = fmt::format("unknown command \"{}\"", given),
          .expected = near ? fmt::format("\"{}\"?", *near)
                           : std::string("one of those that `pgkeep help` lists"),
          .hint = "See `pgkeep help`."};
}

int fail(Io& io, const base::Error& error) {
  io.err(fmt::format("pgkeep: {}\n", to_line(error)));
  return exit_code(error);
}

} // namespace

int run(const std::vector<std::string>& words) {
  std::signal(SIGPIPE, SIG_IGN); // A reader that leaves is an error of writing, not our death.
  Io io = Io::standard();
  if (words.empty() || words[0] == "-h" || words[0] == "--help") {
    io.out(overview_text(io.columns()));
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version" || words[0] == "-V") return run({"version"});
  const Match match = match_command(words);
  if (match.command == nullptr) return fail(io, unknown_command(words));
  const auto arguments = parse_arguments(*match.command, std::span(words).subspan(match.words));
  if (!arguments) return fail(io, arguments.error());
  if (arguments->has("help")) {
    io.out(help_text(*match.command, io.columns()));
    return 0;
  }
  const auto exit = match.command->run(*arguments, io);
  io.end_progress();
  if (!exit) return fail(io, exit.error());
  if (!io.out_is_whole())
    return fail(io, {.code = base::Code::io, .what = "the output could not be written in full"});
  return static_cast<int>(*exit);
}

} // namespace pgkeep::cli
