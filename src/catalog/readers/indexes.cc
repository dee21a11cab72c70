// Constraints, indexes and their use.
//
// pg_get_indexdef() costs 30 microseconds and more an index, a second for 30,000; most indexes are
// plain, and their definition is put together here from parts that are read anyway. It is asked
// for where there is an expression, a predicate, an option, or an operator class or collation
// other than the column's.
#include <fmt/format.h>

#include <optional>

#include "catalog/reader.h"
#include "postgres/quote.h"

namespace pgkeep::catalog {
namespace {

// Foreign keys without a special clause are put into words by plain_definition(). From 18 on each
// NOT NULL is a constraint: those that hold are in the columns already. Our snapshot still shows
// tables that were dropped since, and pg_get_constraintdef() fails on them; pg_table_is_visible()
// knows the present and has NULL for them.
constexpr std::string_view kConstraints = R"(
SELECT con.oid, con.conrelid AS relation, con.conname AS name, con.contype::text AS type,
       con.conkey AS columns, con.confrelid AS target, con.confkey AS target_columns,
       con.conindid AS index, con.convalidated AS is_validated, {{is_enforced}} AS is_enforced,
       con.condeferrable AS is_deferrable,
       con.conparentid <> 0 OR con.coninhcount > 0 AS is_inherited,
       CASE WHEN con.contype = 'f' THEN con.confdeltype::text END AS on_delete,
       CASE WHEN con.contype = 'f' THEN con.confupdtype::text END AS on_update,
       CASE WHEN (con.contype <> 'f' OR con.confmatchtype <> 's' OR con.condeferrable
                  OR NOT con.convalidated {{is_special_foreign_key}})
              AND pg_table_is_visible(con.conrelid) IS NOT NULL
              AND (con.confrelid = 0 OR pg_table_is_visible(con.confrelid) IS NOT NULL)
            THEN pg_get_constraintdef(con.oid) END AS definition
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (con.contype IN ('p', 'u', 'f', 'c', 'x') OR con.contype = 'n' AND NOT con.convalidated)
  AND con.conrelid >= 16384 AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}})";

// {{...}}: a stale collation is one whose version differs from the library's; the database's own
// (oid 100) keeps its version in pg_database from 15 on.
constexpr std::string_view kIndexes = R"(
WITH class AS MATERIALIZED (
  SELECT d.indclass,
         ARRAY(SELECT oc.opcname FROM unnest(d.indclass) WITH ORDINALITY u(oid, place)
               JOIN pg_opclass oc ON oc.oid = u.oid ORDER BY u.place) AS names,
         (SELECT bool_and(oc.opcdefault) FROM unnest(d.indclass) u(oid)
          JOIN pg_opclass oc ON oc.oid = u.oid) AS are_default
  FROM (SELECT DISTINCT i.indclass FROM pg_index i WHERE i.indrelid >= 16384) d
), stale AS MATERIALIZED (
  SELECT u.indcollation
  FROM (SELECT DISTINCT i.indcollation FROM pg_index i WHERE i.indrelid >= 16384) u
  WHERE EXISTS (SELECT FROM unnest(u.indcollation) k(oid) JOIN pg_collation co ON co.oid = k.oid
                WHERE co.collversion <> pg_collation_actual_version(co.oid))
     OR (100 = ANY (u.indcollation::oid[])
         AND (SELECT {{default_collation_version}} <> {{default_collation_actual}}
              FROM pg_database d WHERE d.datname = current_database()))
)
SELECT i.indexrelid AS oid, i.indrelid AS relation, n.nspname AS schema, ic.relname AS name,
       am.amname AS method, i.indisunique AS is_unique, i.indisprimary AS is_primary,
       i.indisexclusion AS is_exclusion, i.indisvalid AS is_valid, i.indisready AS is_ready,
       i.indislive AS is_live, i.indimmediate AS is_immediate,
       i.indisreplident AS is_replica_identity, {{nulls_not_distinct}} AS nulls_not_distinct,
       ic.relkind = 'I' AS is_partitioned, ic.relispartition AS is_partition,
       b.index_relid IS NOT NULL AS is_building, i.indkey AS columns,
       i.indnkeyatts AS key_count, k.names AS operator_classes, i.indcollation AS collations,
       i.indoption AS key_options,
       CASE WHEN i.indexprs IS NOT NULL THEN pg_get_expr(i.indexprs, i.indrelid) END AS expressions,
       CASE WHEN i.indpred IS NOT NULL THEN pg_get_expr(i.indpred, i.indrelid) END AS predicate,
       CASE WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR ic.reloptions IS NOT NULL
              OR k.are_default IS NOT TRUE OR NOT '{0,100}'::oid[] @> i.indcollation::oid[]
              -- Classes of b-trees and hashes have no options.
              OR am.amname NOT IN ('btree', 'hash') AND EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = i.indexrelid AND a.attoptions IS NOT NULL)
            THEN pg_get_indexdef(i.indexrelid) END AS definition,
       ic.reloptions AS options, ic.reltuples AS rows, greatest(ic.relpages, 0) AS pages,
       greatest(ic.relpages, 0) * {{block}} AS size_bytes, con.conname AS constraint,
       f.conindid IS NOT NULL AS supports_foreign_key,
       st.indcollation IS NOT NULL AS uses_old_collation
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = ic.relnamespace
JOIN pg_am am ON am.oid = ic.relam
JOIN class k ON k.indclass = i.indclass
LEFT JOIN stale st ON st.indcollation = i.indcollation
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
LEFT JOIN (SELECT DISTINCT fk.conindid FROM pg_constraint fk WHERE fk.contype = 'f') f
  ON f.conindid = i.indexrelid
LEFT JOIN (SELECT DISTINCT p.index_relid FROM pg_stat_progress_create_index p) b
  ON b.index_relid = i.indexrelid
WHERE i.indrelid >= 16384 AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}})";

/// RelationsByOid: those of the Snapshot, before link() makes lookups.
using RelationsByOid = std::unordered_map<OidNumber, const Relation*>;

RelationsByOid relations_by_oid(const Snapshot& db) {
  RelationsByOid relations;
  relations.reserve(db.relations.size());
  for (const Relation& relation : db.relations)
    relations.emplace(relation.oid, &relation);
  return relations;
}

std::optional<std::string> names_of(std::span<const std::int32_t> numbers, OidNumber relation,
                                    const ColumnFinder& columns) {
  std::string list;
  for (const std::int32_t number : numbers) {
    const Column* column = columns.find(relation, number);
    if (column == nullptr) return std::nullopt;
    if (!list.empty()) list += ", ";
    list += postgres::quote_identifier(column->name);
  }
  return list;
}

std::string_view action_words(std::string_view action) {
  if (action == "r") return "RESTRICT";
  if (action == "c") return "CASCADE";
  if (action == "n") return "SET NULL";
  return action == "d" ? "SET DEFAULT" : "";
}

/// As pg_get_constraintdef() writes a foreign key; empty where a part is not known.
std::string plain_definition(const Constraint& key, const RelationsByOid& relations,
                             const ColumnFinder& columns) {
  const auto target = relations.find(key.target);
  const auto own = names_of(key.columns, key.relation, columns);
  const auto others = names_of(key.target_columns, key.target, columns);
  if (target == relations.end() || !own || !others) return {};
  std::string text =
      fmt::format("FOREIGN KEY ({}) REFERENCES {}({})", *own,
                  postgres::quote_qualified(target->second->schema, target->second->name), *others);
  if (const auto words = action_words(key.on_update); !words.empty())
    text += fmt::format(" ON UPDATE {}", words);
  if (const auto words = action_words(key.on_delete); !words.empty())
    text += fmt::format(" ON DELETE {}", words);
  return text;
}

void take_constraints(const postgres::Rows& rows, ReadState& state) {
  state.db.constraints = decode_rows<Constraint>(rows);
  const ColumnFinder& columns = finder_of(state);
  const RelationsByOid relations = relations_by_oid(state.db);
  for (Constraint& each : state.db.constraints) {
    if (each.definition.empty() && each.type == "f")
      each.definition = plain_definition(each, relations, columns);
  }
}

constexpr std::int32_t kDescending = 1;
constexpr std::int32_t kNullsFirst = 2;

std::string key_order(std::int32_t option) {
  const bool is_descending = (option & kDescending) != 0;
  const bool is_nulls_first = (option & kNullsFirst) != 0;
  if (is_descending) return is_nulls_first ? " DESC" : " DESC NULLS LAST";
  return is_nulls_first ? " NULLS FIRST" : "";
}

/// As pg_get_indexdef() writes it; empty where a column is not known.
std::string plain_definition(const Index& index, const Relation& table,
                             const ColumnFinder& columns) {
  std::string keys;
  std::string included;
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    const Column* column = columns.find(index.relation, index.columns[i]);
    if (column == nullptr) return {};
    const bool is_key = i < static_cast<std::size_t>(index.key_count) &&
                        i < index.collations.size() && i < index.key_options.size();
    std::string& list = is_key ? keys : included;
    if (!list.empty()) list += ", ";
    list += postgres::quote_identifier(column->name);
    // Others than the default are left to the server.
    if (is_key && !column->collation.empty() && index.collations[i] != 0)
      list += " COLLATE \"default\"";
    // Only methods that keep an order have options; the server leaves them 0 elsewhere.
    if (is_key) list += key_order(index.key_options[i]);
  }
  return fmt::format(
      "CREATE {}INDEX {} ON {}{} USING {} ({}){}{}", index.is_unique ? "UNIQUE " : "",
      postgres::quote_identifier(index.name), index.is_partitioned ? "ONLY " : "",
      postgres::quote_qualified(table.schema, table.name), postgres::quote_identifier(index.method),
      keys, included.empty() ? "" : " INCLUDE (" + included + ")",
      index.nulls_not_distinct ? " NULLS NOT DISTINCT" : "");
}

void take_indexes(const postgres::Rows& rows, ReadState& state) {
  state.db.indexes = decode_rows<Index>(rows);
  const ColumnFinder& columns = finder_of(state);
  const RelationsByOid relations = relations_by_oid(state.db);
  for (Index& index : state.db.indexes) {
    const auto table = relations.find(index.relation);
    if (index.definition.empty() && table != relations.end())
      index.definition = plain_definition(index, *table->second, columns);
  }
}

constexpr std::string_view kIndexStats = R"(
SELECT i.indexrelid AS oid, pg_stat_get_numscans(i.indexrelid) AS scans,
       {{index_last_scan}} AS last_scan
FROM pg_index i WHERE i.indrelid >= 16384)";

void take_index_stats(const postgres::Rows& rows, ReadState& state) {
  std::unordered_map<OidNumber, Index*> indexes;
  indexes.reserve(state.db.indexes.size());
  for (Index& index : state.db.indexes)
    indexes.emplace(index.oid, &index);
  for (int row = 0; row < rows.count(); ++row) {
    const auto index = indexes.find(value_of<OidNumber>(rows, row, 0));
    if (index == indexes.end()) continue;
    index->second->scans = value_of<std::int64_t>(rows, row, 1);
    index->second->last_scan = value_of<double>(rows, row, 2);
  }
}

constexpr Reader kIndexReaders[] = {
    {.name = "constraints",
     .facts = Facts::constraints,
     .title = "Keys, checks and foreign keys",
     .sql = kConstraints,
     .take = take_constraints},
    {.name = "indexes",
     .facts = Facts::indexes,
     .title = "Indexes, their columns, state and size",
     .sql = kIndexes,
     .take = take_indexes},
    {.name = "index statistics",
     .facts = Facts::index_stats,
     .title = "How often each index was used",
     .sql = kIndexStats,
     .take = take_index_stats},
};

} // namespace

const std::span<const Reader> index_readers{kIndexReaders};

} // namespace pgkeep::catalog
