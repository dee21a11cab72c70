#include "audit/rules/server_settings.h"

#include <algorithm>

namespace pgkeep::audit {
namespace {

constexpr std::string_view kManagedNote =
    "This host keeps ALTER SYSTEM to itself: set {} to {} in its parameter group or console.";
constexpr std::string_view kCommandLineNote =
    "{} stands on the server's command line (or in its environment), which wins over ALTER SYSTEM: "
    "change it where the server is started.";

/// RESET would go back to postgresql.conf; a value that stood in postgresql.auto.conf is put back
/// as it was (in the setting's own unit, as pg_settings gives it).
void put_back(Fix& fix, const catalog::Setting& setting) {
  if (!setting.source_file.ends_with("postgresql.auto.conf") || fix.undo.empty()) return;
  fix.undo.front() =
      fmt::format("ALTER SYSTEM SET {} = {}", postgres::quote_identifier(setting.name),
                  postgres::quote_literal(setting.value));
}

bool is_given_at_start(const catalog::Setting& setting) {
  return setting.source == "command line" || setting.source == "environment variable";
}

} // namespace

const catalog::Setting* look_at(const Snapshot& db, std::string_view name, Sink& out) {
  const catalog::Setting* const setting = db.setting(name);
  if (setting == nullptr) {
    out.skip(fmt::format("setting {} is not visible to {}", name, db.server.user));
  }
  return setting;
}

Fix set_server(const Snapshot& db, std::string_view name, std::string_view value) {
  Fix fix = alter_system(db, name, value);
  const catalog::Setting* const setting = db.setting(name);
  if (setting != nullptr) put_back(fix, *setting);
  if (!db.server.managed_by.empty()) {
    fix.safety = Safety::manual;
    fix.sql.clear();
    fix.undo.clear();
    fix.note = fmt::format(fmt::runtime(kManagedNote), name, value);
  } else if (setting != nullptr && is_given_at_start(*setting)) {
    fix.safety = Safety::manual;
    fix.note = fmt::format(fmt::runtime(kCommandLineNote), name);
  }
  return fix;
}

Json setting_evidence(const catalog::Setting& setting) {
  Json evidence{{"setting", setting.name},
                {"value", setting.value},
                {"unit", setting.unit},
                {"source", setting.source}};
  if (!setting.source_file.empty()) {
    evidence.set("file", setting.source_file);
    evidence.set("line", setting.source_line);
  }
  return evidence;
}

std::string shown_value(const Snapshot& db, std::string_view name) {
  const catalog::Setting* const setting = db.setting(name);
  if (setting == nullptr) return {};
  const std::optional<double> number = catalog::setting_number(db, name);
  if (setting->unit.empty() || !number || *number < 0) return setting->value;
  const bool is_memory = setting->unit.ends_with('B');
  if (is_memory) return human_bytes(static_cast<std::int64_t>(*number));
  return *number == 0 ? "0" : human_seconds(*number / 1000);
}

Finding setting_finding(const Snapshot& db, std::string_view name, std::string message, Fix fix) {
  const catalog::Setting* const setting = db.setting(name);
  return Finding{.object = fmt::format("setting {}", name),
                 .message = std::move(message),
                 .evidence =
                     setting == nullptr ? Json{{"setting", name}} : setting_evidence(*setting),
                 .fix = std::move(fix)};
}

std::vector<std::string> list_items(std::string_view value) {
  std::vector<std::string> items;
  std::string item;
  bool is_quoted = false;
  const auto finish = [&] {
    if (!item.empty()) items.push_back(std::move(item));
    item.clear();
  };
  for (const char c : value) {
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && c == ',') {
      finish();
    } else if (is_quoted || c != ' ') {
      item += c;
    }
  }
  finish();
  return items;
}

std::string list_literals(const std::vector<std::string>& items) {
  std::vector<std::string> literals(items.size());
  std::ranges::transform(items, literals.begin(),
                         [](const std::string& item) { return postgres::quote_literal(item); });
  return literals.empty() ? "''" : base::join(literals, ", ");
}

} // namespace pgkeep::audit
