// Values of settings as numbers: pg_settings gives plain numbers in the setting's unit; files and
// ALTER ROLE ... SET may name a unit. Source: PostgreSQL manual, config-setting (Parameter Names
// and Values).
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "catalog/snapshot.h"

namespace pgkeep::catalog {
namespace {

struct Unit {
  std::string_view name;
  double factor; ///< To bytes or milliseconds.
  bool is_time;
};
constexpr double kKilo = 1024;
constexpr auto kUnits = std::to_array<Unit>({
    {"B", 1, false},
    {"kB", kKilo, false},
    {"MB", kKilo* kKilo, false},
    {"GB", kKilo* kKilo* kKilo, false},
    {"TB", kKilo* kKilo* kKilo* kKilo, false},
    {"us", 0.001, true},
    {"ms", 1, true},
    {"s", 1000, true},
    {"min", 60'000, true},
    {"h", 3'600'000, true},
    {"d", 86'400'000, true},
});

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

/// The size of one step of a setting: "8kB" is 8,192 bytes, "min" is 60,000 ms; 1 where it has no
/// unit.
struct Step {
  double size = 1;
  const Unit* unit = nullptr;
};
std::optional<Step> step_of(std::string_view text) {
  if (text.empty()) return Step{};
  double count = 1;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc{}) text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  const Unit* unit = find_unit(text);
  if (unit == nullptr) return std::nullopt;
  return Step{.size = count * unit->factor, .unit = unit};
}

/// The server rounds an integer setting to whole steps: '100us' of a setting in ms is 0.
double rounded(const Setting& setting, double value, double step) {
  return setting.type == "integer" ? std::nearbyint(value / step) * step : value;
}

std::optional<double> number_of(const Setting& setting, std::string_view text) {
  text = base::trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::optional<Step> step = step_of(setting.unit);
  if (!step || text.empty()) return std::nullopt;
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  text = base::trim(text);
  // Below zero stands for "off" or "take another setting's": a word, not an amount.
  if (text.empty()) return value < 0 ? value : rounded(setting, value * step->size, step->size);
  const Unit* unit = find_unit(text);
  if (unit == nullptr || step->unit == nullptr || unit->is_time != step->unit->is_time) {
    return std::nullopt;
  }
  return rounded(setting, value * unit->factor, step->size);
}

/// Higher wins; 0 = does not apply. Roles' settings beat databases', and the pair of both beats
/// either.
int precedence_of(const RoleSetting& setting, std::string_view role, std::string_view database) {
  if (!setting.role.empty() && setting.role != role) return 0;
  if (!setting.database.empty() && setting.database != database) return 0;
  return 1 + (setting.role.empty() ? 0 : 2) + (setting.database.empty() ? 0 : 1);
}

} // namespace

std::optional<double> setting_number(const Snapshot& db, std::string_view name) {
  const Setting* setting = db.setting(name);
  return setting == nullptr ? std::nullopt : number_of(*setting, setting->value);
}

bool setting_is_on(const Snapshot& db, std::string_view name) {
  const Setting* setting = db.setting(name);
  return setting != nullptr && setting->value == "on";
}

std::string setting_text(const Snapshot& db, std::string_view name) {
  const Setting* setting = db.setting(name);
  return setting == nullptr ? std::string{} : setting->value;
}

std::string effective_setting(const Snapshot& db, std::string_view role, std::string_view name) {
  const std::string wanted = base::to_lower(name);
  const RoleSetting* best = nullptr;
  int best_precedence = 0;
  for (const RoleSetting& each : db.role_settings) {
    const int precedence = precedence_of(each, role, db.server.database);
    if (precedence <= best_precedence || base::to_lower(each.name) != wanted) continue;
    best = &each;
    best_precedence = precedence;
  }
  return best != nullptr ? best->value : setting_text(db, name);
}

std::optional<double> effective_number(const Snapshot& db, std::string_view role,
                                       std::string_view name) {
  const Setting* setting = db.setting(name);
  if (setting == nullptr) return std::nullopt;
  return number_of(*setting, effective_setting(db, role, name));
}

} // namespace pgkeep::catalog
