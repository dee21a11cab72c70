#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/command.h"

namespace pgkeep::cli {
namespace {

std::string flag_head(const Flag& flag) {
  std::string head = flag.letter != '\0' ? fmt::format("-{}, --{}", flag.letter, flag.name)
                                         : fmt::format("    --{}", flag.name);
  if (!flag.value.empty()) head += fmt::format(" {}", flag.value);
  return head;
}

std::string flag_help(const Flag& flag) {
  std::string help(flag.help);
  if (!flag.choices.empty())
    help += fmt::format(" One of: {}.", base::join(base::split_words(flag.choices), ", "));
  if (!flag.fallback.empty()) help += fmt::format(" Default: {}.", flag.fallback);
  return help;
}

/// Two columns: heads on the left, wrapped help on the right.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows, int columns) {
  constexpr std::size_t kHeadMax = 26;
  std::string text;
  for (const auto& [head, help] : rows) {
    const std::size_t left = kHeadMax + 4;
    const std::vector<std::string> lines =
        base::wrap(help, static_cast<std::size_t>(columns) - left);
    text += "  " + head;
    std::size_t at = head.size() + 2;
    if (head.size() > kHeadMax) {
      text += "\n";
      at = 0;
    }
    for (const std::string& line : lines) {
      text += std::string(left - at, ' ') + line + "\n";
      at = 0;
    }
    if (lines.empty()) text += "\n";
  }
  return text;
}

std::string wrapped(std::string_view paragraphs, int columns) {
  std::string text;
  for (const std::string& paragraph : base::split(paragraphs, '\n')) {
    for (const std::string& line : base::wrap(paragraph, static_cast<std::size_t>(columns)))
      text += line + "\n";
    if (paragraph.empty()) text += "\n";
  }
  return text;
}

} // namespace

std::string overview_text(int columns) {
  std::string text = "pgkeep: a PostgreSQL that an application team can trust in production\n\n";
  text += "Usage: pgkeep COMMAND [TARGET] [options]\n\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command* const command : all_commands()) {
    if (!command->is_hidden) rows.emplace_back(command->name, command->summary);
  }
  text += two_columns(rows, columns);
  text += "\n" + wrapped("TARGET is a libpq URI or connection string; left out, the PG* variables, "
                         "the passfile and the service file "
                         "apply. Every command explains itself with --help.",
                         columns);
  text += "\nStart here:\n  pgkeep up --demo\n  pgkeep audit postgresql://you@host/db\n";
  return text;
}

std::string help_text(const Command& command, int columns) {
  std::string text = wrapped(fmt::format("pgkeep {}: {}", command.name, command.summary), columns) +
                     "\nExample:\n";
  for (const std::string& line : base::split(command.example, '\n'))
    text += fmt::format("  {}\n", line);
  text += fmt::format("\nUsage: pgkeep {}{}{} [options]\n", command.name,
                      command.words.empty() ? "" : " ", command.words);
  if (!command.words_help.empty()) text += "\n" + wrapped(command.words_help, columns);
  if (!command.details.empty()) text += "\n" + wrapped(command.details, columns);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Flag& flag : command.flags)
    rows.emplace_back(flag_head(flag), flag_help(flag));
  for (const Flag& flag : common_flags())
    rows.emplace_back(flag_head(flag), flag_help(flag));
  text += "\nOptions:\n" + two_columns(rows, columns);
  return text;
}

std::string markdown_reference() {
  std::string text = "# Commands\n\nMade by `pgkeep help --markdown`; do not edit.\n";
  for (const Command* const command : all_commands()) {
    if (command->is_hidden) continue;
    text += fmt::format("\n## pgkeep {}\n\n{}.\n\n```\n{}\n```\n", command->name, command->summary,
                        command->example);
    if (!command->words_help.empty()) text += fmt::format("\n{}\n", command->words_help);
    if (!command->details.empty()) text += fmt::format("\n{}\n", command->details);
    text += "\n| option | meaning |\n|---|---|\n";
    for (const Flag& flag : command->flags) {
      const std::string head =
          base::replace_all(std::string(base::trim(flag_head(flag))), "|", "\\|");
      text += fmt::format("| `{}` | {} |\n", head, base::replace_all(flag_help(flag), "|", "\\|"));
    }
  }
  return text;
}

} // namespace pgkeep::cli
