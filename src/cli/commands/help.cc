#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/command.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "man", .value = "DIR", .help = "Write the man pages into this folder."},
    {.name = "completion",
     .value = "SHELL",
     .help = "Print the completion script.",
     .choices = "bash zsh fish"},
    {.name = "markdown", .help = "Print the reference of all commands (docs/commands.md)."},
};

base::Result<Exit> write_man_pages(const std::filesystem::path& directory) {
  PGKEEP_CHECK(base::make_directory(directory));
  PGKEEP_CHECK(base::write_file_durably(directory / "pgkeep.1", man_overview()));
  for (const Command* const command : all_commands()) {
    if (command->is_hidden) continue;
    const std::string name = base::replace_all(std::string(command->name), " ", "-");
    PGKEEP_CHECK(
        base::write_file_durably(directory / fmt::format("pgkeep-{}.1", name), man_page(*command)));
  }
  return Exit::done;
}

base::Result<Exit> run_help(const Arguments& arguments, Io& io) {
  if (const auto directory = arguments.get("man")) return write_man_pages(*directory);
  if (const auto shell = arguments.get("completion")) {
    PGKEEP_TRY(const std::string script, completion_script(*shell));
    io.out(script);
    return Exit::done;
  }
  if (arguments.has("markdown")) {
    io.out(markdown_reference());
    return Exit::done;
  }
  if (arguments.words().empty()) {
    io.out(overview_text(io.columns()));
    return Exit::done;
  }
  const std::string name = base::join(arguments.words(), " ");
  for (const Command* const command : all_commands()) {
    if (command->name != name) continue;
    io.out(help_text(*command, io.columns()));
    return Exit::done;
  }
  return base::Error{.code = base::Code::usage,
                     .what = fmt::format("unknown command \"{}\"", base::printable(name)),
                     .hint = "See `pgkeep help`."};
}

base::Result<Exit> run_version(const Arguments&, Io& io) {
  io.out(fmt::format("pgkeep {}\n", PGKEEP_VERSION));
  return Exit::done;
}

} // namespace

const Command help_command{.name = "help",
                           .summary = "Show the commands, or one of them in full",
                           .words = "[COMMAND]",
                           .words_max = 2,
                           .example = "pgkeep help audit",
                           .flags = kFlags,
                           .run = run_help};

const Command version_command{.name = "version",
                              .summary = "Print the version",
                              .example = "pgkeep version",
                              .run = run_version};

} // namespace pgkeep::cli
