#include "audit/rules/role_groups.h"

#include <algorithm>
#include <array>
#include <set>

namespace pgkeep::audit {
namespace {

bool has_part(std::string_view name, std::span<const std::string_view> parts) {
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return base::contains_ignoring_case(name, part); });
}

/// Short words count only when they stand alone: "feedback" is no DBA and "wallet" ships no WAL.
bool has_word(std::string_view name, std::string_view word) {
  std::string words = base::to_lower(name);
  std::ranges::replace_if(words, [](char c) { return !(c >= 'a' && c <= 'z'); }, ' ');
  return std::ranges::any_of(base::split_words(words),
                             [&](const std::string& each) { return each == word; });
}

} // namespace

bool is_administrative(std::string_view role) {
  constexpr auto kWords = std::to_array<std::string_view>({"admin"});
  constexpr auto kManaged = std::to_array<std::string_view>(
      {"rds", "cloudsql", "azure", "alloydb", "supabase", "aiven", "pg_"});
  return role == "postgres" || has_part(role, kWords) || has_word(role, "dba") ||
         std::ranges::any_of(kManaged,
                             [&](std::string_view prefix) { return role.starts_with(prefix); });
}

bool is_for_copies(std::string_view role) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"backup", "replic", "standby", "barman", "dump", "patroni", "repmgr"});
  return has_part(role, kWords) || has_word(role, "wal");
}

std::vector<std::string> everyday_grants(const Snapshot& db, std::string_view role) {
  std::set<std::string> schemas;
  for (const catalog::Relation& relation : db.relations)
    schemas.insert(relation.schema);
  const std::string who = postgres::quote_identifier(role);
  std::vector<std::string> sql;
  if (!db.server.database.empty()) {
    sql.push_back(fmt::format("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}",
                              postgres::quote_identifier(db.server.database), who));
  }
  for (const std::string& schema : schemas) {
    const std::string name = postgres::quote_identifier(schema);
    sql.push_back(fmt::format("GRANT USAGE ON SCHEMA {} TO {}", name, who));
    sql.push_back(fmt::format(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}", name, who));
    sql.push_back(
        fmt::format("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}", name, who));
  }
  return sql;
}

} // namespace pgkeep::audit
