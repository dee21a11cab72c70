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
/// The shadow table of $1 named $2, and what LIKE does not copy; $3: its PARTITION BY, or null. One
/// statement a row, in order; the first makes the table.
extern const std::string_view kShadowCreate;
/// Why the table $1 cannot become partitions by the columns $2 (text[]) named $3 in the schemas $4
/// (text[], '' = the table's). One sentence a row.
extern const std::string_view kShadowPartitionRefusals;
/// What the partitions of a shadow of $1 get that their parent cannot have: access method, storage
/// options ("fillfactor='90'"), REPLICA IDENTITY or empty.
extern const std::string_view kShadowPartitionStorage;
/// Indexes, in order: name of the new one (not qualified), CREATE INDEX or empty, its tablespace,
/// ALTER TABLE that makes it a constraint or empty, the oid of the old one, whether it is valid.
/// $3: whether the shadow is partitioned, which cannot make a constraint of an index.
extern const std::string_view kShadowIndexes;
/// Statistics objects of $1 for $2: name of the new one, CREATE STATISTICS.
extern const std::string_view kShadowStatistics;
/// The swap of $1 and $2 (oid of the table, name of the shadow; $3, $4: partitions and their
/// schemas, as kShadowPartitionRefusals has them): one statement a row, in order, and whether it
/// may run before the table is locked.
std::string shadow_swap_sql(int major);
/// What validates the foreign keys that the swap adds: one statement a row. Parameters as above.
extern const std::string_view kShadowValidate;
/// What then puts the foreign keys of partitions on their parent: one statement a row, of $1 and
/// $2.
extern const std::string_view kShadowAttach;
/// Relations that such a statement locks besides partitions: $1, $2 are the parent's schema and
/// name.
extern const std::string_view kShadowAttachLocked;
/// Relations that the swap locks besides the table: schema and name a row.
extern const std::string_view kShadowLocked;

} // namespace pgkeep::migrate
