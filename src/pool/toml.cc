// Both ways go through the ini file's own form, so that there is one place that knows what a key
// means: reading makes its lines, writing takes them.
#include "pool/toml.h"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/named_sections.h"
#include "base/text.h"
#include "base/units.h"
#include "base/utf8.h"
#include "pool/micros.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kTop = "pool";
constexpr std::int64_t kMicrosInMs = 1000;
constexpr std::string_view kMode = "unix_socket_mode"; // Octal digits, so a text.
constexpr std::string_view kFile = "conffile";         // The program's to know.

struct Part {
  std::string_view ini; ///< Its section there.
  std::string_view parent;
  std::string_view pattern;
  std::span<const OptionRow> (*options)();
};
constexpr Part kParts[] = {
    {"databases", "pool.databases", "pool.databases.*", database_options},
    {"users", "pool.users", "pool.users.*", user_options},
    {"peers", "pool.peers", "pool.peers.*", peer_options},
};

base::KeyType type_of(const SettingRow& row) {
  if (row.name == kMode) return base::KeyType::text;
  if (std::holds_alternative<std::int64_t Settings::*>(row.member)) return base::KeyType::integer;
  if (std::holds_alternative<bool Settings::*>(row.member)) return base::KeyType::boolean;
  if (std::holds_alternative<Duration Settings::*>(row.member)) return base::KeyType::duration;
  return base::KeyType::text;
}

base::KeyType type_of(OptionKind kind) {
  switch (kind) {
  case OptionKind::number:
    return base::KeyType::integer;
  case OptionKind::duration:
    return base::KeyType::duration;
  case OptionKind::text:
    break;
  }
  return base::KeyType::text;
}

std::vector<base::Key> make_keys() {
  std::vector<base::Key> keys;
  for (const SettingRow& row : setting_rows()) {
    if (row.name != kFile)
      keys.push_back({.section = kTop,
                      .name = row.name,
                      .type = type_of(row),
                      .fallback = {},
                      .help = row.name});
  }
  for (const Part& part : kParts) {
    for (const OptionRow& option : part.options())
      keys.push_back({.section = part.pattern,
                      .name = option.name,
                      .type = type_of(option.kind),
                      .fallback = {},
                      .help = option.name});
  }
  return keys;
}

/// As the ini file would have it.
std::string ini_value(const base::ConfigValue& value, base::KeyType type) {
  if (type == base::KeyType::boolean) return value.text == "true" ? "1" : "0";
  if (type != base::KeyType::duration) return value.text;
  const auto duration = base::parse_duration(value.text);
  const std::int64_t micros = duration ? duration->count() : 0; // It was checked when it was read.
  return fmt::format("{}.{:06}", micros / kMicrosInSecond, micros % kMicrosInSecond);
}

base::KeyType type_in(std::string_view section, std::string_view name) {
  const auto found = std::ranges::find_if(configuration_keys(), [&](const base::Key& key) {
    return key.section == section && key.name == name;
  });
  return found == configuration_keys().end() ? base::KeyType::text : found->type;
}

std::string ini_option(std::string_view name, std::string_view value) {
  return fmt::format("{}='{}'", name, base::replace_all(std::string(value), "'", "''"));
}

/// A section's options, each tried alone first, so that a mistake is told at its own place.
base::Result<> add_section(Configuration& configuration, const base::NamedSections& config,
                           const Part& part, const base::NamedSection& section) {
  const std::string full = fmt::format("{}.{}", section.parent, section.name);
  IniLine whole{
      .section = std::string(part.ini), .key = section.name, .value = {}, .where = section.where};
  Configuration tried;
  for (const base::ConfigValue& value : config.values) {
    if (value.section != full) continue;
    const std::string option =
        ini_option(value.name, ini_value(value, type_in(part.pattern, value.name)));
    PGKEEP_CHECK(add_line(
        tried,
        {.section = whole.section, .key = whole.key, .value = option, .where = value.where}));
    whole.value += (whole.value.empty() ? "" : " ") + option;
  }
  return add_line(configuration, whole);
}

/// TOML's basic string.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += fmt::format("\\{}", c);
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out + '"';
}

bool is_bare(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string key_of(std::string_view name) {
  return is_bare(name) ? std::string(name) : toml_string(name);
}

std::string duration_text(Duration duration) {
  const std::int64_t micros = duration.count();
  if (micros % kMicrosInSecond == 0) return fmt::format("\"{}s\"", micros / kMicrosInSecond);
  if (micros % kMicrosInMs == 0) return fmt::format("\"{}ms\"", micros / kMicrosInMs);
  return fmt::format("\"{}us\"", micros);
}

/// A setting's value, which was read before.
std::string toml_value(const SettingRow& row, std::string_view text) {
  Settings settings;
  static_cast<void>(set(settings, row.name, text));
  if (const auto* duration = std::get_if<Duration Settings::*>(&row.member))
    return duration_text(settings.**duration);
  std::string value = shown(settings, row);
  switch (type_of(row)) {
  case base::KeyType::integer:
    return value;
  case base::KeyType::boolean:
    return value == "1" ? "true" : "false";
  default:
    return toml_string(value);
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const base::CodePoint point = base::decode_utf8(text);
    if (!point.is_valid) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

/// Of an option, which was read before. None: it counts as if it were not there.
std::optional<std::string> toml_value(std::string_view name, OptionKind kind,
                                      std::string_view text) {
  if (kind == OptionKind::text) return toml_string(text);
  if (kind == OptionKind::number) {
    const std::int64_t number = option_number(text).value_or(0);
    return number < 0 ? std::nullopt : std::optional(fmt::format("{}", number));
  }
  const Duration duration = option_duration(text).value_or(Duration());
  if (duration.count() >= 0) return duration_text(duration);
  if (name == "query_wait_timeout") return std::nullopt;
  return duration_text(kNever);
}

OptionKind kind_of(const Part& part, std::string_view name) {
  const auto options = part.options();
  const auto found = std::ranges::find(options, name, &OptionRow::name);
  return found == options.end() ? OptionKind::text : found->kind;
}

/// Of one name the last counts, as in the ini file.
void put(std::vector<std::pair<std::string, std::string>>& list, std::string name,
         std::string value) {
  const auto same = std::ranges::find(list, name, &std::pair<std::string, std::string>::first);
  if (same == list.end()) {
    list.emplace_back(std::move(name), std::move(value));
  } else {
    same->second = std::move(value);
  }
}

std::string section_text(const Part& part, std::string_view name, std::string_view options) {
  std::vector<std::pair<std::string, std::string>> members;
  const auto list = options_in(options);
  if (!list) return {}; // It was read before.
  for (const IniOption& each : *list) {
    // Its name before 1.20.
    const std::string key = each.key == "reserve_pool" ? "reserve_pool_size" : each.key;
    if (auto value = toml_value(key, kind_of(part, key), each.value)) {
      put(members, key, *std::move(value));
    } else {
      std::erase_if(members, [&](const auto& member) { return member.first == key; });
    }
  }
  std::string text = fmt::format("\n[{}.{}]\n", part.parent, key_of(name));
  for (const auto& [key, value] : members)
    text += fmt::format("{} = {}\n", key, value);
  return text;
}

} // namespace

std::span<const base::Key> configuration_keys() {
  static const std::vector<base::Key> keys = make_keys();
  return keys;
}

base::Result<Configuration> configuration_in_toml(std::string_view text, const std::string& path) {
  PGKEEP_TRY(const base::NamedSections config,
             base::parse_named_sections(text, path, configuration_keys(), kTop));
  Configuration configuration;
  configuration.settings.conffile = path;
  for (const base::ConfigValue& value : config.values) {
    if (value.section != kTop) continue;
    PGKEEP_CHECK(add_line(configuration, {.section = "pgbouncer",
                                          .key = value.name,
                                          .value = ini_value(value, type_in(kTop, value.name)),
                                          .where = value.where}));
  }
  for (const base::NamedSection& section : config.sections) {
    const auto* const part = std::ranges::find(kParts, section.parent, &Part::parent);
    PGKEEP_CHECK(add_section(configuration, config, *part, section));
  }
  return configuration;
}

base::Result<std::vector<FileProblem>> lost_in_toml(const std::string& path, const ReadText& read) {
  PGKEEP_TRY(const std::vector<IniLine> lines, read_ini(path, read));
  std::vector<FileProblem> lost;
  for (const IniLine& line : lines) {
    if (line.section == "pgbouncer" && line.key == kFile)
      lost.push_back({.where = line.where,
                      .what = fmt::format("{} is left out: what is read again is the file that the "
                                          "pooler was started with",
                                          kFile)});
  }
  return lost;
}

base::Result<std::string> toml_of_ini(const std::string& path, const ReadText& read) {
  PGKEEP_TRY(const Configuration valid, read_configuration(path, read));
  PGKEEP_TRY(const std::vector<IniLine> lines, read_ini(path, read));
  std::vector<std::pair<std::string, std::string>> settings;
  std::map<std::string_view, std::vector<std::pair<std::string, std::string>>> sections;
  for (const IniLine& line : lines) {
    if (!is_utf8(line.key) || !is_utf8(line.value))
      return base::Error{.code = base::Code::config,
                         .what =
                             "toml holds nothing but UTF-8, and this line is in another encoding",
                         .where = line.where,
                         .hint = "Write the ini file in UTF-8, and convert it then."};
    if (line.section == "pgbouncer") {
      if (line.key != kFile)
        put(settings, line.key, toml_value(*find_setting(line.key), line.value));
    } else {
      const auto* const part = std::ranges::find(kParts, line.section, &Part::ini);
      put(sections[part->ini], line.key, section_text(*part, line.key, line.value));
    }
  }
  std::string text = fmt::format("[{}]\n", kTop);
  for (const auto& [key, value] : settings)
    text += fmt::format("{} = {}\n", key, value);
  for (const Part& part : kParts) {
    for (const auto& [name, section] : sections[part.ini])
      text += section;
  }
  return text;
}

} // namespace pgkeep::pool
