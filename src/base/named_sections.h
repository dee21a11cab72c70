/// Sections of a pgkeep.toml whose names the file chooses: [pool.databases.shop].
///
/// A key's section ends with ".*" there: "pool.databases.*" stands for every table in
/// pool.databases, and parse_config() takes such keys, too. Thread-safety: plain values.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"

namespace pgkeep::base {

struct NamedSection {
  std::string parent; ///< "pool.databases".
  std::string name;   ///< "shop".
  std::string where;  ///< "pgkeep.toml:3:2".
};
struct NamedSections {
  std::vector<ConfigValue> values; ///< Of sections of both kinds: "pool", "pool.databases.shop".
  std::vector<NamedSection> sections;
};

/// Of what stands under `top`; other top sections are not looked at. Errors: as parse_config().
Result<NamedSections> parse_named_sections(std::string_view text, const std::filesystem::path& path,
                                           std::span<const Key> keys, std::string_view top);

} // namespace pgkeep::base
