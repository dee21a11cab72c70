#include "migrate/needs.h"

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/folder.h"

namespace pgkeep::migrate {

std::vector<Need> needs_in(const lint::Script& script) {
  std::vector<Need> needs;
  const auto take = [&](const std::vector<lint::Directive>& directives) {
    for (const lint::Directive& each : directives) {
      if (each.name != "requires" && each.name != "conflicts") continue;
      const lint::Script::Place place = script.place_of(each.offset);
      for (std::string& name : base::split_words(each.text))
        needs.push_back({.name = std::move(name),
                         .where = fmt::format("{}:{}:{}", place.path, place.line, place.column),
                         .is_conflict = each.name == "conflicts"});
    }
  };
  for (const lint::Section& section : script.sections()) {
    for (const lint::Statement& statement : section.statements)
      take(statement.directives);
    take(section.stray_directives);
  }
  return needs;
}

bool is_named_by(const Migration& migration, const Need& need) {
  if (need.name == migration.name) return true;
  if (migration.kind == Kind::repeatable) return need.name == "R__" + migration.name;
  std::string_view word = need.name;
  if (word.starts_with('V')) word.remove_prefix(1);
  const std::size_t name = word.find("__");
  if (name != std::string_view::npos && word.substr(name + 2) != migration.name) return false;
  const auto version = Version::parse(std::string(word.substr(0, name)));
  return version && *version == migration.version;
}

} // namespace pgkeep::migrate
