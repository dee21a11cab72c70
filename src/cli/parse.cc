// The only file that includes CLI11: a parser is built from the command's row, and its exceptions
// become usage errors here.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <deque>

#include "base/text.h"
#include "cli/command.h"

namespace pgkeep::cli {
namespace {

struct Slot {
  const Flag* flag = nullptr;
  bool is_set = false;
  std::vector<std::string> values;
};

base::Error usage_error(const Command& command, std::string what, std::string expected = {}) {
  return {.code = base::Code::usage,
          .what = std::move(what),
          .where = fmt::format("pgkeep {}", command.name),
          .expected = std::move(expected),
          .hint = fmt::format("See `pgkeep {} --help`.", command.name)};
}

std::vector<const Flag*> flags_of(const Command& command) {
  std::vector<const Flag*> flags;
  for (const Flag& flag : command.flags)
    flags.push_back(&flag);
  for (const Flag& flag : common_flags())
    flags.push_back(&flag);
  return flags;
}

/// An unknown flag, before CLI11 sees it, so that the message can name the nearest one.
std::optional<base::Error> find_unknown_flag(const Command& command,
                                             std::span<const std::string> words) {
  std::vector<std::string_view> names;
  for (const Flag* const flag : flags_of(command))
    names.push_back(flag->name);
  for (const std::string& word : words) {
    if (word == "--") return std::nullopt;
    if (!word.starts_with("--")) continue;
    const std::string_view name = std::string_view(word).substr(
        2, word.find('=') == std::string::npos ? std::string::npos : word.find('=') - 2);
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::optional<std::string> near = base::nearest(name, names);
    return usage_error(command, fmt::format("unknown flag --{}", base::printable(name)),
                       near ? fmt::format("--{}?", *near) : std::string());
  }
  return std::nullopt;
}

std::optional<base::Error> check_choice(const Command& command, const Slot& slot) {
  if (slot.flag->choices.empty()) return std::nullopt;
  const std::vector<std::string> choices = base::split_words(slot.flag->choices);
  for (const std::string& value : slot.values) {
    if (std::ranges::find(choices, value) != choices.end()) continue;
    return usage_error(
        command, fmt::format("--{} cannot be \"{}\"", slot.flag->name, base::printable(value)),
        base::join(choices, ", "));
  }
  return std::nullopt;
}

void add_slots(CLI::App& app, const Command& command, std::deque<Slot>& slots,
               std::vector<std::string>& words) {
  for (const Flag* const flag : flags_of(command)) {
    Slot& slot = slots.emplace_back(Slot{.flag = flag, .values = {}});
    const std::string name = fmt::format(
        "{}--{}", flag->letter != '\0' ? fmt::format("-{},", flag->letter) : "", flag->name);
    if (flag->value.empty()) {
      app.add_flag(name, slot.is_set, std::string(flag->help));
    } else {
      CLI::Option* const option = app.add_option(name, slot.values, std::string(flag->help));
      option->expected(1)->allow_extra_args(false)->take_last();
      if (flag->may_repeat) option->take_all();
    }
  }
  if (command.words_max > 0) app.add_option("words", words)->expected(0, command.words_max);
}

} // namespace

base::Result<Arguments> parse_arguments(const Command& command,
                                        std::span<const std::string> given) {
  if (auto unknown = find_unknown_flag(command, given)) return *std::move(unknown);
  std::deque<Slot> slots;
  std::vector<std::string> words;
  try {
    CLI::App app;
    app.set_help_flag();
    app.allow_windows_style_options(false);
    add_slots(app, command, slots, words);
    std::vector<std::string> reversed(given.rbegin(),
                                      given.rend()); // CLI11 takes them from the back.
    app.parse(reversed);
  } catch (const CLI::ParseError& failure) {
    return usage_error(command, base::to_lower(std::string_view(failure.what()).substr(0, 1)) +
                                    std::string(failure.what()).substr(1));
  }
  Arguments arguments;
  bool is_help = false;
  for (Slot& slot : slots) {
    if (slot.flag->value.empty()) {
      if (slot.is_set) arguments.set(slot.flag->name, "on");
      is_help = is_help || (slot.is_set && slot.flag->name == "help");
      continue;
    }
    if (auto wrong = check_choice(command, slot)) return *std::move(wrong);
    if (!slot.flag->fallback.empty()) arguments.set_fallback(slot.flag->name, slot.flag->fallback);
    if (slot.values.empty()) continue;
    arguments.set(slot.flag->name, base::join(slot.values, ","));
    arguments.set_all(slot.flag->name, std::move(slot.values));
  }
  for (std::string& word : words)
    arguments.add_word(std::move(word));
  if (!is_help && static_cast<int>(arguments.words().size()) < command.words_min) {
    return usage_error(command, "something is missing", std::string(command.words));
  }
  return arguments;
}

} // namespace pgkeep::cli
