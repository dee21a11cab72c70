#include "migrate/hooks.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

constexpr auto kNames = std::to_array<std::string_view>(
    {"beforeMigrate", "beforeEachMigrate", "afterEachMigrate", "afterMigrate",
     "afterMigrateApplied", "afterMigrateError", "beforeUndo", "beforeEachUndo", "afterEachUndo",
     "afterUndo", "afterUndoError"});

/// Of commands that have no counterpart here: there is no moment at which they would run.
constexpr auto kElsewhere =
    std::to_array<std::string_view>({"Clean", "Info", "Repair", "Baseline", "Validate", "Version"});

bool is_of_another_command(std::string_view callback) {
  return std::ranges::any_of(kElsewhere, [&](std::string_view each) {
    return callback == each || callback == std::string(each) + "Error" ||
           callback == std::string(each) + "OperationFinish";
  });
}

} // namespace

std::string_view name_of(Moment moment) noexcept {
  return kNames[std::to_underlying(moment)];
}

base::Result<std::optional<Moment>> moment_of(std::string_view file_name) {
  if (!file_name.ends_with(".sql")) return std::optional<Moment>();
  std::string_view name = file_name.substr(0, file_name.size() - 4);
  name = name.substr(0, name.find("__"));
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return std::optional(static_cast<Moment>(found - kNames.begin()));
  const std::string_view callback = lint::callback_in(name);
  if (callback.empty() || is_of_another_command(callback)) return std::optional<Moment>();
  std::vector<std::string> known(kNames.begin(), kNames.end());
  return base::Error{.code = base::Code::config,
                     .what = fmt::format("{} is no moment of a run", base::printable(name)),
                     .expected = base::join(known, ", ")};
}

std::vector<const Hook*> hooks_at(std::span<const Hook> hooks, Moment moment) {
  std::vector<const Hook*> found;
  for (const Hook& each : hooks) {
    if (each.moment == moment) found.push_back(&each);
  }
  return found;
}

base::Result<std::vector<Step>> steps_of_hook(const Hook& hook, int server_major) {
  PGKEEP_TRY(std::vector<Step> steps, steps_of(hook.source, nullptr, server_major));
  for (const Step& step : steps) {
    if (step.kind != StepKind::batch && step.kind != StepKind::shadow) continue;
    return base::Error{.code = base::Code::config,
                       .what = fmt::format("pgkeep:{} cannot stand in a hook", step.directive.name),
                       .where = step.statements.front().where,
                       .expected = "a migration: only there the history knows how far it is"};
  }
  return steps;
}

} // namespace pgkeep::migrate
