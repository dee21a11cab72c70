// What pgkeep.toml says under [lint].
#include "lint/lint.h"

namespace pgkeep::lint {
namespace {

constexpr base::Key kKeys[] = {{.section = "lint",
                                .name = "mandatory-columns",
                                .type = base::KeyType::text_list,
                                .fallback = "",
                                .help = "Columns that every new table must have, such as "
                                        "created_at; none where it is not set."}};

} // namespace

std::span<const base::Key> config_keys() {
  return kKeys;
}

std::vector<std::string> mandatory_columns_in(const base::Config& config) {
  const base::ConfigValue* const value = config.find("lint", kKeys[0].name);
  return value == nullptr ? std::vector<std::string>{} : value->items;
}

} // namespace pgkeep::lint
