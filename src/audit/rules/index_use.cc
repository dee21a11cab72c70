// Indexes that cost more than they give, by the counters and the statistics of their columns.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "audit/families.h"
#include "audit/rules/index_shape.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::Index;
using catalog::Relation;

constexpr double kLowUse = 0.001;
constexpr std::int64_t kLowUseBytes = 100 * base::kMiB;
constexpr double kNullShare = 0.9;
constexpr std::int64_t kNullBytes = base::kMiB; // A smaller index saves nothing worth a word.
constexpr double kFewValues = 2;
constexpr double kHotShare = 0.5;
constexpr std::int64_t kManyUpdates = 1'000'000;
constexpr int kFillfactor = 90;

/// Not unique, not needed by the schema, not attached to a parent's index: a mere means of access.
bool is_mere_access(const Index& index) {
  return is_usable(index) && !index.is_building && !index.is_unique && !is_needed(index) &&
         !index.is_partition && !index.is_partitioned;
}

/// Scans on every replica, by "schema.index".
std::map<std::string, std::int64_t> replica_scans(const Snapshot& db) {
  std::map<std::string, std::int64_t> scans;
  if (!db.outside.replicas) return scans;
  for (const catalog::ReplicaIndexUse& use : db.outside.replicas->indexes)
    scans[postgres::quote_qualified(use.schema, use.index)] += use.scans;
  return scans;
}

/// Why "never used" cannot be said yet; empty = it can.
std::string too_young(const Snapshot& db, const Limits& limits) {
  const double wanted = seconds_of(limits.unused_index_age);
  if (db.counters_age_s() < wanted) {
    return fmt::format("the counters are {} old; unused is said after {}",
                       human_seconds(db.counters_age_s()), human_seconds(wanted));
  }
  const bool has_replicas = db.outside.replicas && !db.outside.replicas->confirmed_none;
  if (has_replicas && db.server.now - db.outside.replicas->stats_since < wanted) {
    return fmt::format("the counters of a replica are {} old; unused is said after {}",
                       human_seconds(db.server.now - db.outside.replicas->stats_since),
                       human_seconds(wanted));
  }
  return {};
}

void unused_index(const Snapshot& db, const Limits& limits, Sink& out) {
  if (std::string reason = too_young(db, limits); !reason.empty()) {
    out.skip(std::move(reason));
    return;
  }
  const auto elsewhere = replica_scans(db);
  const double wanted = seconds_of(limits.unused_index_age);
  for (const Index& index : db.indexes) {
    if (!is_mere_access(index) || index.scans != 0 ||
        index.size_bytes < limits.unused_index_bytes || serves_own_foreign_key(db, index))
      continue;
    const bool was_used = index.last_scan > 0 && db.server.now - index.last_scan < wanted;
    const auto replica = elsewhere.find(catalog::qualified_name(index));
    if (was_used || (replica != elsewhere.end() && replica->second > 0)) continue;
    Fix fix = drop_index_fix(index);
    fix.note = "Once a year jobs may want it: keep the way back.";
    out.add(
        {.object = catalog::qualified_name(index),
         .message = fmt::format("{} and no scan in {}, here or on a replica",
                                human_bytes(index.size_bytes), human_seconds(db.counters_age_s())),
         .evidence = Json{{"definition", index.definition},
                          {"size_bytes", index.size_bytes},
                          {"scans", index.scans},
                          {"counters_age_s", db.counters_age_s()}},
         .fix = std::move(fix)});
  }
}

void index_low_use_high_write(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Index& index : db.indexes) {
    const Relation* const relation = db.relation(index.relation);
    if (relation == nullptr || !is_mere_access(index) || index.scans <= 0 ||
        index.size_bytes <= kLowUseBytes || relation->inserted < 0 ||
        serves_own_foreign_key(db, index))
      continue;
    const std::int64_t writes =
        relation->inserted + relation->updated - relation->hot_updated + relation->deleted;
    if (writes <= 0 || static_cast<double>(index.scans) / static_cast<double>(writes) >= kLowUse)
      continue;
    out.add(
        {.object = catalog::qualified_name(index),
         .message = fmt::format("{} scans against {} writes, {}", human_count(index.scans),
                                human_count(writes), human_bytes(index.size_bytes)),
         .evidence = Json{{"definition", index.definition},
                          {"scans", index.scans},
                          {"writes", writes},
                          {"size_bytes", index.size_bytes}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::index_drop,
                    .sql = {drop_index(index)},
                    .note = "Whether the few queries that use it can be slow, no counter tells: "
                            "ask who runs them, then drop it."}});
  }
}

/// The only column of a plain index that is there for access alone.
const Column* only_column(const Snapshot& db, const Index& index) {
  const bool is_plain = is_mere_access(index) && index.method == "btree" && index.key_count == 1 &&
                        index.columns.size() == 1 && index.predicate.empty() &&
                        index.expressions.empty();
  const Column* const column =
      is_plain ? db.column(index.relation, index.columns.front()) : nullptr;
  return column != nullptr && column->has_stats ? column : nullptr;
}

void index_on_nulls(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  std::optional<FreeNames> names;
  for (const Index& index : db.indexes) {
    const Column* const column = only_column(db, index);
    if (column == nullptr || column->null_fraction <= kNullShare || index.size_bytes < kNullBytes)
      continue;
    const std::string_view tail = definition_tail(db, index);
    Fix fix{.safety = Safety::manual,
            .phase = Phase::index_build,
            .note = "Its definition is not of a form that can be rewritten here: build it again "
                    "with WHERE the column IS NOT NULL, then drop this one."};
    if (const Relation* const relation = db.relation(index.relation);
        !tail.empty() && relation != nullptr) {
      if (!names) names.emplace(db);
      const std::string name =
          names->take(index.schema, relation->name + "_" + column->name, "_not_null_idx");
      fix = {
          .safety = Safety::online,
          .phase = Phase::index_build,
          .sql = {fmt::format("CREATE INDEX CONCURRENTLY {} ON {} {} WHERE {} IS NOT NULL",
                              postgres::quote_identifier(name), catalog::qualified_name(*relation),
                              tail, postgres::quote_identifier(column->name)),
                  drop_index(index)},
          .undo = {build_concurrently(index.definition),
                   "DROP INDEX CONCURRENTLY " + postgres::quote_qualified(index.schema, name)},
          .note = "Queries that look for NULL, or sort by the column, lose the index."};
    }
    out.add({.object = catalog::qualified_name(index),
             .message = fmt::format(
                 "{} of {} is NULL: {} of index for rows that few queries look for",
                 human_percent(column->null_fraction), column->name, human_bytes(index.size_bytes)),
             .evidence = Json{{"definition", index.definition},
                              {"null_fraction", column->null_fraction},
                              {"size_bytes", index.size_bytes}},
             .fix = std::move(fix)});
  }
}

/// Both rules about few values: they differ in the type only.
void judge_few_values(const Snapshot& db, const Limits& limits, bool want_boolean, Sink& out) {
  for (const Index& index : db.indexes) {
    const Column* const column = only_column(db, index);
    const Relation* const relation = db.relation(index.relation);
    if (column == nullptr || relation == nullptr || (column->base_type == "bool") != want_boolean)
      continue;
    // Over the limit of nulls index-on-nulls speaks; a foreign key needs its index whatever it
    // holds.
    const bool is_few = column->distinct > 0 && column->distinct <= kFewValues;
    if (!is_few || column->null_fraction > kNullShare || serves_own_foreign_key(db, index) ||
        relation->rows < static_cast<double>(limits.small_table_rows))
      continue;
    out.add({.object = catalog::qualified_name(index),
             .message = fmt::format("{} has {} in {} rows, the commonest in {} of them",
                                    column->name, column->distinct < 2 ? "one value" : "two values",
                                    human_count(static_cast<std::int64_t>(relation->rows)),
                                    human_percent(column->most_common_frequency)),
             .evidence = Json{{"definition", index.definition},
                              {"distinct", column->distinct},
                              {"most_common_frequency", column->most_common_frequency},
                              {"scans", index.scans},
                              {"size_bytes", index.size_bytes}},
             .fix = Fix{
                 .safety = Safety::manual,
                 .phase = Phase::index_build,
                 .note = "Which value the queries look for is not in the catalog: index the "
                         "columns they need WHERE the column has the rare one, and drop this."}});
  }
}

void index_on_boolean(const Snapshot& db, const Limits& limits, Sink& out) {
  judge_few_values(db, limits, true, out);
}

void index_on_low_cardinality(const Snapshot& db, const Limits& limits, Sink& out) {
  judge_few_values(db, limits, false, out);
}

bool has_fillfactor(const Relation& relation) {
  return std::ranges::any_of(relation.options, [](const std::string& option) {
    return option.starts_with("fillfactor=") && option != "fillfactor=100";
  });
}

void index_blocks_hot(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (relation.kind != "r" || relation.updated <= kManyUpdates || relation.hot_updated < 0 ||
        has_fillfactor(relation))
      continue;
    const double share =
        static_cast<double>(relation.hot_updated) / static_cast<double>(relation.updated);
    if (share >= kHotShare) continue;
    const std::string name = catalog::qualified_name(relation);
    out.add(
        {.object = name,
         .message =
             fmt::format("only {} of {} updates were heap-only: the others wrote to all {} indexes",
                         human_percent(share), human_count(relation.updated),
                         db.indexes_of(relation.oid).size()),
         .evidence =
             Json{{"updates", relation.updated},
                  {"hot_updates", relation.hot_updated},
                  {"indexes", static_cast<std::int64_t>(db.indexes_of(relation.oid).size())},
                  {"fillfactor", 100}},
         .fix = Fix{.safety = Safety::online,
                    .phase = Phase::maintenance,
                    .sql = {fmt::format("ALTER TABLE {} SET (fillfactor = {})", name, kFillfactor)},
                    .undo = {fmt::format("ALTER TABLE {} RESET (fillfactor)", name)},
                    .note = "Holds for pages written from now on. Where the updates change an "
                            "indexed column, only dropping that index helps."}});
  }
}

constexpr Facts kUseFacts = Facts::server | Facts::relations | Facts::columns | Facts::constraints |
                            Facts::indexes | Facts::index_stats;
constexpr Facts kStatisticsFacts =
    Facts::relations | Facts::columns | Facts::column_stats | Facts::constraints | Facts::indexes;

constexpr Rule kIndexUseRules[] = {
    {.id = "unused-index",
     .aliases = "index-unused",
     .title = "Index that nothing reads",
     .why = "Each write pays for it, and it takes memory and disk.",
     .how = "Drop it concurrently, and keep the statement that builds it.",
     .source = "PgHero; pganalyze; PostgreSQL manual, monitoring-stats: pg_stat_all_indexes",
     .severity = Severity::info,
     .area = Area::indexes,
     .counts_rates = true,
     .needs = kUseFacts | Facts::replica_snapshots,
     .judge = unused_index},
    {.id = "index-low-use-high-write",
     .title = "Index that is written a thousand times for each read",
     .why = "Its upkeep costs more than the queries it serves.",
     .how = "Ask who runs those queries; drop it where they can be slow.",
     .source = "postgres_dba; pgx_scripts",
     .severity = Severity::info,
     .area = Area::indexes,
     .counts_rates = true,
     .needs = kUseFacts | Facts::table_stats,
     .judge = index_low_use_high_write},
    {.id = "index-on-nulls",
     .aliases = "index-null-heavy",
     .title = "Index over a column that is mostly NULL",
     .why = "Nine of ten entries are for rows that no query looks for by this column.",
     .how = "A partial index WHERE the column IS NOT NULL.",
     .source = "pg-index-health: indexes with null values; PostgreSQL manual, indexes-partial",
     .severity = Severity::info,
     .area = Area::indexes,
     .needs = kStatisticsFacts,
     .judge = index_on_nulls},
    {.id = "index-on-boolean",
     .aliases = "index-boolean",
     .title = "Index on a boolean alone",
     .why = "Half the table has each value: reading the table is cheaper, unless one is rare.",
     .how = "A partial index for the rare value.",
     .source = "pg-index-health: indexes with boolean",
     .severity = Severity::info,
     .area = Area::indexes,
     .needs = kStatisticsFacts,
     .judge = index_on_boolean},
    {.id = "index-on-low-cardinality",
     .aliases = "index-low-selectivity",
     .title = "Index on a column of one or two values",
     .why = "It tells almost no rows apart: reading the table is cheaper.",
     .how = "A partial index for the rare value, or none.",
     .source = "sqlcheck; pgkeep: at most two values",
     .severity = Severity::info,
     .area = Area::indexes,
     .needs = kStatisticsFacts,
     .judge = index_on_low_cardinality},
    {.id = "index-blocks-hot",
     .title = "Updates that write to every index",
     .why = "An update that finds no room on its page, or changes an indexed column, writes to all "
            "indexes and leaves more to vacuum.",
     .how = "A fillfactor of 90, and no index on columns that change often.",
     .source = "PostgreSQL manual, storage-hot; pganalyze",
     .severity = Severity::info,
     .area = Area::indexes,
     .counts_rates = true,
     .needs = Facts::relations | Facts::table_stats | Facts::indexes,
     .judge = index_blocks_hot},
};

} // namespace

const std::span<const Rule> index_use_rules{kIndexUseRules};

} // namespace pgkeep::audit
