#include "cli/command.h"

#include "base/text.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kCommonFlags[] = {
    {.name = "help", .help = "Show what this command does, with an example.", .letter = 'h'},
};

const Command* const kCommands[] = {
    &up_command,
    &status_command,
    &down_command,
    &pool_command,
    &pool_check_command,
    &pool_convert_command,
    &audit_command,
    &lint_command,
    &migrate_rewrite_command,
    &snapshot_save_command,
    &snapshot_diff_command,
    &migrate_new_command,
    &migrate_plan_command,
    &migrate_up_command,
    &migrate_down_command,
    &migrate_status_command,
    &migrate_test_command,
    &migrate_verify_command,
    &migrate_baseline_command,
    &migrate_repair_command,
    &help_command,
    &version_command,
    &supervise_command,
};

} // namespace

std::span<const Command* const> all_commands() {
  return kCommands;
}
std::span<const Flag> common_flags() {
  return kCommonFlags;
}

std::optional<std::string> Arguments::get(std::string_view flag) const {
  if (const auto value = values_.find(std::string(flag)); value != values_.end())
    return value->second;
  if (const auto fallback = fallbacks_.find(std::string(flag)); fallback != fallbacks_.end())
    return fallback->second;
  return std::nullopt;
}

std::vector<std::string> Arguments::all(std::string_view flag) const {
  const auto found = all_.find(std::string(flag));
  return found == all_.end() ? std::vector<std::string>{} : found->second;
}

std::vector<std::string> Arguments::list(std::string_view flag) const {
  const std::optional<std::string> value = get(flag);
  return value ? base::split_words(*value) : std::vector<std::string>{};
}

} // namespace pgkeep::cli
