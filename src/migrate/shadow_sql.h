/// What the catalog is asked, and what is made of the answers: SQL that writes SQL. Private to
/// src/migrate. All of it runs with search_path = pg_catalog, so that names come out qualified.
#pragma once

#include <span>
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
/// schemas, as kShadowPartitionRefusals has them): one statement a row with its place in the order;
/// below kShadowLocked it may run before the table is locked.
std::string shadow_swap_sql(int major);
inline constexpr int kShadowLocked = 10;
/// What validates the foreign keys that the swap adds: one statement a row. Parameters as above.
extern const std::string_view kShadowValidate;
/// What then puts the foreign keys of partitions on their parent: one statement a row, of $1 and
/// $2.
extern const std::string_view kShadowAttach;
/// Relations that such a statement locks besides partitions: $1, $2 are the parent's schema and
/// name.
extern const std::string_view kShadowAttachLocked;

// shadow_dependents_sql.cc: what reads the table $1. Materialized views among it are built anew, as
// "pgkeep.shadow_OID_mv_OID", and with them what reads those.
/// Why something that depends on the table, or on such a view, cannot follow. One sentence a row.
std::string shadow_dependent_refusals();
/// Materialized views, those that others read first: oid, schema, name, name of the copy, what
/// stands before and (with schemas of names) the query, and behind it; settings of its columns or
/// NULL.
std::string shadow_matviews();
/// As shadow_swap_sql(): statement and place, to be merged with those.
std::string shadow_dependents_swap();
/// Relations that the swap locks besides the table: schema, name, whether LOCK TABLE takes it.
std::string shadow_locked();
/// Changes with privileges and with what depends on the table: what DDL can do without a lock that
/// ours stops. One text.
std::string shadow_mark();

/// A relation of a query, and what stands in its place.
struct ShadowMoved {
  std::string schema;   ///< Not quoted.
  std::string name;     ///< Not quoted.
  std::string other;    ///< As SQL.
  bool is_free = false; ///< It has its name, in our schema, while the query is read.
};
/// The query on the others; columns keep the names that they are spoken of with. Empty: its text is
/// not understood (syntax of a server newer than the parser's).
std::string shadow_query(std::string_view query, std::span<const ShadowMoved> moved);

} // namespace pgkeep::migrate
