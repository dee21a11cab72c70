// Completion for bash, zsh and fish: first the command's words, then its flags.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"

namespace pgkeep::cli {
namespace {

std::string flags_of(const Command& command) {
  std::string flags;
  for (const Flag& flag : command.flags)
    flags += fmt::format("--{} ", flag.name);
  return flags + "--help";
}

std::string bash() {
  std::string names;
  std::string cases;
  for (const Command* const command : all_commands()) {
    if (command->is_hidden) continue;
    names += fmt::format("{} ", base::split(command->name, ' ').front());
    cases += fmt::format("    \"{}\"*) words=\"{}\" ;;\n", command->name, flags_of(*command));
  }
  return fmt::format(
      "# bash completion for pgkeep; made by `pgkeep help --completion bash`.\n"
      "_pgkeep() {{\n"
      "  local words=\"{}\" line=\"${{COMP_WORDS[*]:1:COMP_CWORD}}\"\n"
      "  if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
      "    case \"$line\" in\n{}    esac\n"
      "  fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\")\n"
      "}}\n"
      "complete -o default -F _pgkeep pgkeep\n",
      base::trim(names), cases);
}

std::string zsh() {
  std::string names;
  std::string cases;
  for (const Command* const command : all_commands()) {
    if (command->is_hidden) continue;
    names += fmt::format("    '{}:{}'\n", base::split(command->name, ' ').front(),
                         base::replace_all(std::string(command->summary), "'", ""));
    cases +=
        fmt::format("    {}*) compadd -- {} ;;\n",
                    base::replace_all(std::string(command->name), " ", "\\ "), flags_of(*command));
  }
  return fmt::format("#compdef pgkeep\n# Made by `pgkeep help --completion zsh`.\n"
                     "local -a commands=(\n{})\n"
                     "if (( CURRENT == 2 )); then _describe command commands; else\n"
                     "  case \"${{words[2,-1]}}\" in\n{}  esac\n  _files\nfi\n",
                     names, cases);
}

std::string fish() {
  std::string text = "# Made by `pgkeep help --completion fish`.\n";
  for (const Command* const command : all_commands()) {
    if (command->is_hidden) continue;
    const std::string first = base::split(command->name, ' ').front();
    text += fmt::format("complete -c pgkeep -n __fish_use_subcommand -a {} -d '{}'\n", first,
                        base::replace_all(std::string(command->summary), "'", ""));
    for (const Flag& flag : command->flags) {
      text +=
          fmt::format("complete -c pgkeep -n '__fish_seen_subcommand_from {}' -l {}{} -d '{}'\n",
                      first, flag.name, flag.value.empty() ? "" : " -r",
                      base::replace_all(std::string(flag.help), "'", ""));
    }
  }
  return text;
}

} // namespace

base::Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  return base::Error{
      .code = base::Code::usage, .what = "unknown shell", .expected = "bash, zsh or fish"};
}

} // namespace pgkeep::cli
