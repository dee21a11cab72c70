// Measured, not remembered: a row that a server contradicts fails tests/golden/lock_table_test.cc.
#include "lint/lock_table.h"

#include <array>

namespace pgkeep::lint {
namespace {

using enum LockMode;

constexpr Work kRewrite{.rewrites = true};
constexpr Work kScan{.scans = true};
constexpr Work kBuild{.builds_index = true};

constexpr auto kRows = std::to_array<LockRow>({
    // Columns.
    {"add-column", Role::table, access_exclusive},
    {"add-column-volatile-default", Role::table, access_exclusive, kRewrite},
    {"add-column-serial", Role::table, access_exclusive, kRewrite},
    {"add-column-generated-stored", Role::table, access_exclusive, kRewrite},
    {"add-column-domain-check", Role::table, access_exclusive, kRewrite},
    {"add-column-check", Role::table, access_exclusive, kScan},
    {"add-column-references", Role::table, access_exclusive},
    {"add-column-references", Role::referenced, share_row_exclusive},
    {"add-column-references-default", Role::table, access_exclusive, kScan},
    {"add-column-references-default", Role::referenced, share_row_exclusive, kScan},
    {"add-column-unique", Role::table, access_exclusive, kBuild},
    {"drop-column", Role::table, access_exclusive},
    {"rename-column", Role::table, access_exclusive},
    {"set-not-null", Role::table, access_exclusive, kScan},
    {"set-not-null-proved", Role::table, access_exclusive},
    {"drop-not-null", Role::table, access_exclusive},
    {"set-default", Role::table, access_exclusive},
    {"add-identity", Role::table, access_exclusive},
    {"alter-type-rewrite", Role::table, access_exclusive, kRewrite},
    {"alter-type-reindex", Role::table, access_exclusive, kBuild},
    {"alter-type-rechecks", Role::table, access_exclusive, kScan},
    {"alter-type-free", Role::table, access_exclusive},
    // Constraints.
    {"add-check", Role::table, access_exclusive, kScan},
    {"add-check-not-valid", Role::table, access_exclusive},
    {"add-foreign-key", Role::table, share_row_exclusive, kScan},
    {"add-foreign-key", Role::referenced, share_row_exclusive, kScan},
    {"add-foreign-key-not-valid", Role::table, share_row_exclusive},
    {"add-foreign-key-not-valid", Role::referenced, share_row_exclusive},
    {"create-table-foreign-key", Role::referenced, share_row_exclusive},
    {"validate-check", Role::table, share_update_exclusive, kScan},
    {"validate-foreign-key", Role::table, share_update_exclusive, kScan},
    {"validate-foreign-key", Role::referenced, row_share, kScan},
    {"add-unique", Role::table, access_exclusive, kBuild},
    {"add-unique-using-index", Role::table, access_exclusive},
    {"add-primary-key", Role::table, access_exclusive, kBuild},
    {"add-primary-key-using-index", Role::table, access_exclusive},
    {"add-primary-key-using-nullable-index", Role::table, access_exclusive, kScan},
    {"add-exclusion", Role::table, access_exclusive, kBuild},
    {"drop-constraint", Role::table, access_exclusive},
    {"drop-foreign-key", Role::table, access_exclusive},
    {"drop-foreign-key", Role::referenced, access_exclusive},
    {"rename-constraint", Role::table, access_exclusive},
    // Indexes.
    {"create-index", Role::table, share, kBuild},
    {"create-index-concurrently", Role::table, share_update_exclusive, kBuild},
    {"create-index-partitioned", Role::table, share},
    {"create-index-partitioned", Role::partition, share, kBuild},
    {"create-index-only", Role::table, share},
    {"drop-index", Role::table, access_exclusive},
    {"drop-index", Role::index, access_exclusive},
    {"drop-index-concurrently", Role::table, share_update_exclusive},
    {"reindex", Role::table, share, kBuild},
    {"reindex", Role::index, access_exclusive},
    {"reindex-concurrently", Role::table, share_update_exclusive, kBuild},
    {"rename-index", Role::index, share_update_exclusive},
    // Partitions.
    {"create-partition", Role::parent, access_exclusive},
    {"create-partition", Role::default_partition, access_exclusive, kScan},
    {"attach-partition", Role::parent, share_update_exclusive},
    {"attach-partition", Role::partition, access_exclusive, kScan},
    {"attach-partition", Role::default_partition, access_exclusive, kScan},
    {"attach-partition-proved", Role::parent, share_update_exclusive},
    {"attach-partition-proved", Role::partition, access_exclusive},
    {"attach-partition-proved", Role::default_partition, access_exclusive},
    {"detach-partition", Role::parent, access_exclusive},
    {"detach-partition", Role::partition, access_exclusive},
    {"detach-partition", Role::default_partition, access_exclusive},
    {"detach-partition-concurrently", Role::parent, share_update_exclusive},
    {"detach-partition-concurrently", Role::partition, access_exclusive},
    {"drop-partition", Role::table, access_exclusive},
    {"drop-partition", Role::parent, access_exclusive},
    {"drop-partition", Role::default_partition, access_exclusive},
    // Whole tables.
    {"drop-table", Role::table, access_exclusive},
    {"drop-table", Role::referenced, access_exclusive},
    {"drop-table-cascade", Role::table, access_exclusive},
    {"drop-table-cascade", Role::referencing, access_exclusive},
    {"truncate", Role::table, access_exclusive},
    {"truncate-cascade", Role::table, access_exclusive},
    {"truncate-cascade", Role::referencing, access_exclusive},
    {"rename-table", Role::table, access_exclusive},
    {"set-schema", Role::table, access_exclusive},
    {"change-owner", Role::table, access_exclusive},
    {"replica-identity", Role::table, access_exclusive},
    {"set-logged", Role::table, access_exclusive, kRewrite},
    {"set-tablespace", Role::table, access_exclusive, kRewrite},
    {"set-access-method", Role::table, access_exclusive, kRewrite},
    {"cluster", Role::table, access_exclusive, kRewrite},
    {"vacuum-full", Role::table, access_exclusive, kRewrite},
    {"vacuum", Role::table, share_update_exclusive},
    {.id = "grant", .mode = none, .major_last = 17},
    {.id = "grant", .mode = access_share, .major_first = 18},
    {"write-rows", Role::table, row_exclusive},
    // Triggers, rules, row security.
    {"create-trigger", Role::table, share_row_exclusive},
    {"drop-trigger", Role::table, access_exclusive},
    {"enable-trigger", Role::table, share_row_exclusive},
    {"create-rule", Role::table, access_exclusive},
    {"row-security", Role::table, access_exclusive},
    {"create-policy", Role::table, access_exclusive},
    {"drop-policy", Role::table, access_exclusive},
    // Views and domains.
    {"replace-view", Role::table, access_exclusive},
    {"drop-view", Role::table, access_exclusive},
    {"refresh-matview", Role::table, access_exclusive, kRewrite},
    {"refresh-matview-concurrently", Role::table, exclusive, kScan},
    {"alter-domain-check", Role::user, share, kScan},
});

} // namespace

std::string_view name_of(Role role) noexcept {
  constexpr auto names =
      std::to_array<std::string_view>({"table", "index", "referenced", "referencing", "parent",
                                       "partition", "default_partition", "user"});
  return names[static_cast<std::size_t>(role)];
}

std::span<const LockRow> lock_rows() noexcept {
  return kRows;
}

} // namespace pgkeep::lint
