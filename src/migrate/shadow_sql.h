/// What the catalog is asked, and what is made of the answers: SQL that writes SQL. Private to
/// src/migrate. All of it runs with search_path = pg_catalog, so that names come out qualified.
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::migrate {

/// Why the table with the oid $1 cannot be rewritten this way; one sentence a row.
extern const std::string_view kShadowRefusals;
/// What depends on columns that are in the table $1 and not, or with another type, in the shadow
/// $2, and cannot follow. One sentence a row.
extern const std::string_view kShadowColumnRefusals;
/// The shadow table of $1 named $2, and what LIKE does not copy. One statement a row, in order.
extern const std::string_view kShadowCreate;
/// Indexes, in order: name of the new one (not qualified), CREATE INDEX or empty, its tablespace,
/// ALTER TABLE that makes it a constraint or empty, the oid of the old one, whether it is valid.
extern const std::string_view kShadowIndexes;
/// Statistics objects of $1 for $2: name of the new one, CREATE STATISTICS.
extern const std::string_view kShadowStatistics;
/// The swap of $1 and $2 (oid of the table, name of the shadow): one statement a row, in order.
std::string shadow_swap_sql(int major);
/// What validates the foreign keys that the swap adds: one statement a row.
extern const std::string_view kShadowValidate;
/// Relations that the swap locks besides the table: schema and name a row.
extern const std::string_view kShadowLocked;

} // namespace pgkeep::migrate
