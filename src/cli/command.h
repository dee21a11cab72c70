/// A command is a row: everything printed about it, and its parsing, come from the row. Private to
/// cli/.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/io.h"

namespace pgkeep::cli {

enum class Exit : std::uint8_t { done = 0, findings = 1, unreachable = 3 };

struct Flag {
  std::string_view name;       ///< "fix-out": --fix-out.
  std::string_view value = {}; ///< "DIR"; empty = a switch.
  std::string_view fallback = {};
  std::string_view help;
  char letter = '\0';            ///< Short form, only for daily use.
  std::string_view choices = {}; ///< "text json": space separated; empty = free.
  bool may_repeat = false;       ///< Values are joined by commas.
};

/// What the words said. Values are texts; switches are present or not.
class Arguments {
public:
  [[nodiscard]] bool has(std::string_view flag) const {
    return values_.contains(std::string(flag));
  }
  /// The value given, or the flag's fallback; nullopt where there is neither.
  [[nodiscard]] std::optional<std::string> get(std::string_view flag) const;
  /// A repeated flag's values, each also split at commas.
  [[nodiscard]] std::vector<std::string> list(std::string_view flag) const;
  /// A repeated flag's values as they were given.
  [[nodiscard]] std::vector<std::string> all(std::string_view flag) const;
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }
  void set(std::string_view flag, std::string value) {
    values_[std::string(flag)] = std::move(value);
  }
  void set_all(std::string_view flag, std::vector<std::string> values) {
    all_[std::string(flag)] = std::move(values);
  }
  void set_fallback(std::string_view flag, std::string_view value) {
    fallbacks_[std::string(flag)] = std::string(value);
  }
  void add_word(std::string word) { words_.push_back(std::move(word)); }

private:
  std::map<std::string, std::string> values_;
  std::map<std::string, std::vector<std::string>> all_;
  std::map<std::string, std::string> fallbacks_;
  std::vector<std::string> words_;
};

struct Command {
  std::string_view name;         ///< "audit", "snapshot save".
  std::string_view summary;      ///< One line, no full stop.
  std::string_view details = {}; ///< A paragraph or two for --help and the man page.
  std::string_view words = {};   ///< "[TARGET]", "FILE FILE": what may stand besides flags.
  std::string_view words_help = {};
  int words_max = 0;
  int words_min = 0;
  std::string_view example; ///< One a line.
  std::span<const Flag> flags = {};
  bool is_hidden = false;
  base::Result<Exit> (*run)(const Arguments& arguments, Io& io) = nullptr;
};

/// Every command, in the order of --help.
std::span<const Command* const> all_commands();

/// Flags that every command has.
std::span<const Flag> common_flags();

extern const Command up_command;
extern const Command status_command;
extern const Command down_command;
extern const Command supervise_command;
extern const Command pool_command;
extern const Command pool_check_command;
extern const Command pool_convert_command;
extern const Command audit_command;
extern const Command lint_command;
extern const Command migrate_rewrite_command;
extern const Command snapshot_save_command;
extern const Command snapshot_diff_command;
extern const Command migrate_new_command;
extern const Command migrate_plan_command;
extern const Command migrate_up_command;
extern const Command migrate_down_command;
extern const Command migrate_status_command;
extern const Command migrate_test_command;
extern const Command migrate_verify_command;
extern const Command migrate_baseline_command;
extern const Command migrate_repair_command;
extern const Command help_command;
extern const Command version_command;

/// parse.cc: the words after the command's name. Errors: usage, with the nearest known flag.
base::Result<Arguments> parse_arguments(const Command& command, std::span<const std::string> words);

/// help.cc, man.cc, completion.cc: printed from the table.
std::string overview_text(int columns);
std::string help_text(const Command& command, int columns);
std::string man_page(const Command& command);
std::string man_overview();
std::string markdown_reference();
base::Result<std::string> completion_script(std::string_view shell);

} // namespace pgkeep::cli
