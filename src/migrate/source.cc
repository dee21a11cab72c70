#include "migrate/source.h"

#include <algorithm>

#include "base/text.h"

namespace pgkeep::migrate {

namespace fs = std::filesystem;

namespace {

std::vector<const lint::Section*> sections_of(const Source& source, const lint::Script* script) {
  std::vector<const lint::Section*> found;
  if (script == nullptr) return found;
  // Beside Prisma's migration.sql; anywhere else the name says no direction.
  const bool is_all = source.is_down && fs::path(source.path).filename() == "down.sql";
  for (const lint::Section& each : script->sections()) {
    if (is_all || each.is_down == source.is_down) found.push_back(&each);
  }
  return found;
}

/// Each value's own name, which the parser takes nearly wherever it takes the value.
Values names_for(const Values& values) {
  Values names;
  for (const auto& [name, value] : values) {
    std::string word = "pgkeep_value_" + base::to_lower(name);
    std::ranges::replace_if(word, [](char c) { return c == '-' || c == '.' || c == ':'; }, '_');
    names[name] = std::move(word);
  }
  return names;
}

} // namespace

std::vector<const lint::Section*> Source::sections() const {
  return sections_of(*this, script.get());
}

std::vector<const lint::Section*> Source::unvalued_sections() const {
  return sections_of(*this, unvalued == nullptr ? script.get() : unvalued.get());
}

Source read_source(const std::string& path, const std::string& text, bool is_down,
                   const fs::path& folder, const Values& values) {
  const auto script_of = [&](Composed composed) {
    return std::make_shared<const lint::Script>(
        lint::Script::read(path, std::move(composed.text), std::move(composed.origins)));
  };
  Composed composed = compose(path, text, folder, values);
  Source source{.path = path, .text = text, .script = nullptr, .is_down = is_down};
  source.refused = std::move(composed.refused);
  if (composed.has_values)
    source.unvalued = script_of(compose(path, text, folder, names_for(values)));
  source.script = script_of(std::move(composed));
  return source;
}

} // namespace pgkeep::migrate
