#include "pool/configuration.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pool/toml.h"

namespace pgkeep::pool {
namespace {

constexpr std::array<std::string_view, 4> kSections = {"pgbouncer", "databases", "users", "peers"};

template <typename List, typename Item, typename Key>
void put(List& list, Item item, Key Item::* key) {
  const auto same = std::ranges::find(list, item.*key, key);
  if (same == list.end()) {
    list.push_back(std::move(item));
  } else {
    *same = std::move(item);
  }
}

base::Result<> add(Configuration& configuration, const IniLine& line, Notes& notes) {
  if (line.section == "pgbouncer") return set(configuration.settings, line.key, line.value);
  if (line.section == "databases") {
    PGKEEP_TRY(DatabaseDefinition database, database_of(line.key, line.value, notes));
    put(configuration.databases, std::move(database), &DatabaseDefinition::name);
    return {};
  }
  if (line.section == "users") {
    PGKEEP_TRY(UserDefinition user, user_of(line.key, line.value, notes));
    put(configuration.users, std::move(user), &UserDefinition::name);
    return {};
  }
  if (line.section == "peers") {
    PGKEEP_TRY(PeerDefinition peer, peer_of(line.key, line.value, notes));
    put(configuration.peers, std::move(peer), &PeerDefinition::id);
    return {};
  }
  return base::Error{.code = base::Code::config,
                     .what = fmt::format("invalid section \"{}\" in configuration", line.section),
                     .expected = fmt::format("one of {}", fmt::join(kSections, ", "))};
}

} // namespace

const DatabaseDefinition* Configuration::database(std::string_view name) const {
  auto found = std::ranges::find(databases, name, &DatabaseDefinition::name);
  if (found == databases.end())
    found = std::ranges::find(databases, DatabaseDefinition::kFallback, &DatabaseDefinition::name);
  return found == databases.end() ? nullptr : &*found;
}

const UserDefinition* Configuration::user(std::string_view name) const {
  const auto found = std::ranges::find(users, name, &UserDefinition::name);
  return found == users.end() ? nullptr : &*found;
}

base::Result<> add_line(Configuration& configuration, const IniLine& line) {
  Notes notes;
  if (auto done = add(configuration, line, notes); !done)
    return base::with_where(std::move(done).error(), line.where);
  for (std::string& note : notes)
    configuration.problems.push_back({.where = line.where, .what = std::move(note)});
  return {};
}

base::Result<Configuration> read_configuration(const std::string& path, const ReadText& read) {
  if (path.ends_with(".toml")) {
    PGKEEP_TRY(const std::string text, read(path));
    return configuration_in_toml(text, path);
  }
  PGKEEP_TRY(const std::vector<IniLine> lines, read_ini(path, read));
  Configuration configuration;
  configuration.settings.conffile = path;
  for (const IniLine& line : lines)
    PGKEEP_CHECK(add_line(configuration, line));
  return configuration;
}

} // namespace pgkeep::pool
