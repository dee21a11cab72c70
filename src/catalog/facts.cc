#include "catalog/facts.h"

#include <array>

namespace pgkeep::catalog {
namespace {

// In the order of the enum. The names stand in Snapshot files: they never change.
constexpr auto kFactNames = std::to_array<FactName>({
    {Facts::server, "server"},
    {Facts::settings, "settings"},
    {Facts::file_settings, "file_settings"},
    {Facts::hba, "hba"},
    {Facts::databases, "databases"},
    {Facts::background, "background"},
    {Facts::archiver, "archiver"},
    {Facts::roles, "roles"},
    {Facts::passwords, "passwords"},
    {Facts::activity, "activity"},
    {Facts::activity_of_others, "activity_of_others"},
    {Facts::locks, "locks"},
    {Facts::prepared_transactions, "prepared_transactions"},
    {Facts::schemas, "schemas"},
    {Facts::relations, "relations"},
    {Facts::table_stats, "table_stats"},
    {Facts::columns, "columns"},
    {Facts::column_stats, "column_stats"},
    {Facts::constraints, "constraints"},
    {Facts::indexes, "indexes"},
    {Facts::index_stats, "index_stats"},
    {Facts::sequences, "sequences"},
    {Facts::sequence_maxima, "sequence_maxima"},
    {Facts::triggers, "triggers"},
    {Facts::functions, "functions"},
    {Facts::policies, "policies"},
    {Facts::extensions, "extensions"},
    {Facts::languages, "languages"},
    {Facts::publications, "publications"},
    {Facts::subscriptions, "subscriptions"},
    {Facts::replicas, "replicas"},
    {Facts::slots, "slots"},
    {Facts::default_privileges, "default_privileges"},
    {Facts::large_objects, "large_objects"},
    {Facts::secrets, "secrets"},
    {Facts::statements, "statements"},
    {Facts::progress, "progress"},
    {Facts::wal_directory, "wal_directory"},
    {Facts::archive_status, "archive_status"},
    {Facts::collations, "collations"},
    {Facts::tablespaces, "tablespaces"},
    {Facts::types, "types"},
    {Facts::standby, "standby"},
    {Facts::definitions, "definitions"},
    {Facts::details, "details"},
    {Facts::comments, "comments"},
    {Facts::grants, "grants"},
    {Facts::clock, "clock"},
    {Facts::host, "host"},
    {Facts::tls, "tls"},
    {Facts::replica_snapshots, "replica_snapshots"},
    {Facts::backups, "backups"},
    {Facts::pooler, "pooler"},
    {Facts::repository, "repository"},
});

constexpr bool is_in_order() {
  std::uint64_t last = 0;
  for (const FactName& row : kFactNames) {
    const auto bit = static_cast<std::uint64_t>(row.fact);
    if (bit <= last || (bit & (bit - 1)) != 0) return false;
    last = bit;
  }
  return true;
}
static_assert(is_in_order());

} // namespace

std::span<const FactName> fact_names() {
  return kFactNames;
}

std::string_view name_of(Facts one) {
  for (const FactName& row : kFactNames) {
    if (row.fact == one) return row.name;
  }
  return {};
}

} // namespace pgkeep::catalog
