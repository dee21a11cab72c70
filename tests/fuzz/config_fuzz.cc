// pgkeep.toml: it is read or refused with a place, whatever it holds.
#include "base/config.h"
#include "fuzz/fuzz.h"

using namespace pgkeep;

namespace {

constexpr base::Key kKeys[] = {
    {"audit.limits", "counters-age", base::KeyType::duration, "7d", "an age"},
    {"audit.limits", "cache-hit", base::KeyType::percent, "95%", "a share"},
    {"audit", "skip", base::KeyType::text_list, "", "rules"},
    {"audit", "verbose", base::KeyType::boolean, "false", "a switch"},
    {"audit", "size", base::KeyType::bytes, "1MB", "a size"},
    {"audit", "count", base::KeyType::integer, "1", "a number"},
    {"audit", "name", base::KeyType::text, "", "a name"},
};
constexpr base::TableKey kTables[] = {
    {"audit.ignore", "rule object reason", "rule reason", "an ignore"}};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = base::parse_config(fuzz::text_of(data, size), "fuzz.toml", kKeys, kTables);
  if (!config) {
    fuzz::must(base::to_line(config.error()).find("fuzz.toml") != std::string::npos,
               "an error that names the file");
    return 0;
  }
  for (const base::ConfigTable& table : config->tables())
    fuzz::must(table.get("rule").has_value() && table.get("reason").has_value(),
               "required members");
  return 0;
}
