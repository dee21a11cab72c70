/// pgkeep.toml: parsed with positions, checked against one table of keys. An unknown key is an
/// error that names the nearest known one.
///
/// This layer knows TOML and keys, not what they mean: each capability asks for its own.
/// Thread-safety: immutable after load.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace pgkeep::base {

enum class KeyType : std::uint8_t { text, boolean, integer, duration, bytes, percent, text_list };

/// One row of the table of keys.
struct Key {
  std::string_view section; ///< "audit.limits".
  std::string_view name;    ///< "counters-age".
  KeyType type = KeyType::text;
  std::string_view fallback; ///< Written as in the file: "7d", "64MB", "true".
  std::string_view help;
};

/// A value that was set, with its place ("pgkeep.toml:14:9").
struct ConfigValue {
  std::string section;
  std::string name;
  std::string text;               ///< Scalars as text; duration, bytes as written.
  std::vector<std::string> items; ///< text_list.
  std::string where;
};

/// An entry of an array of tables, such as [[audit.ignore]]: text members only.
struct ConfigTable {
  std::string section;
  std::vector<std::pair<std::string, std::string>> members;
  std::string where;
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
};

/// Which arrays of tables exist and which members each may and must have.
struct TableKey {
  std::string_view section;  ///< "audit.ignore".
  std::string_view members;  ///< "rule object reason", space separated.
  std::string_view required; ///< "rule reason".
  std::string_view help;
};

class Config {
public:
  Config() = default; ///< All defaults.
  [[nodiscard]] const ConfigValue* find(std::string_view section, std::string_view name) const;
  [[nodiscard]] const std::vector<ConfigValue>& values() const { return values_; }
  [[nodiscard]] const std::vector<ConfigTable>& tables() const { return tables_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  friend Result<Config> parse_config(std::string_view, const std::filesystem::path&,
                                     std::span<const Key>, std::span<const TableKey>);
  std::vector<ConfigValue> values_;
  std::vector<ConfigTable> tables_;
  std::filesystem::path path_;
};

/// Errors: Code::config with file:line:column; values are checked against the type of their key.
Result<Config> parse_config(std::string_view text, const std::filesystem::path& path,
                            std::span<const Key> keys, std::span<const TableKey> table_keys);

} // namespace pgkeep::base
