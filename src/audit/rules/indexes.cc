// Indexes that serve nobody because they are broken, there twice, or contained in another.
#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "audit/families.h"
#include "audit/rules/index_shape.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"

namespace pgkeep::audit {
namespace {

using catalog::Index;
using catalog::OidNumber;
using catalog::Relation;

constexpr std::int64_t kWiderMax =
    4; // A wider index of more than this many times the size is no stand-in.
constexpr std::size_t kIndexesMax = 10;

Json index_evidence(const Index& index) {
  return Json{
      {"definition", index.definition}, {"size_bytes", index.size_bytes}, {"scans", index.scans}};
}

/// What REINDEX CONCURRENTLY or CREATE INDEX CONCURRENTLY left when it was interrupted.
bool is_leftover(const Index& index) {
  for (const std::string_view mark : {"_ccnew", "_ccold"}) {
    const std::size_t at = index.name.rfind(mark);
    if (at == std::string::npos) continue;
    const std::string_view rest = std::string_view(index.name).substr(at + mark.size());
    if (std::ranges::all_of(rest, [](char c) { return c >= '0' && c <= '9'; })) return true;
  }
  return false;
}

/// A valid index that already does what the broken one was to do.
const Index* stand_in(const Snapshot& db, const Index& broken) {
  const std::string shape = shape_of(broken);
  for (const Index& index : db.indexes_of(broken.relation)) {
    if (index.oid != broken.oid && is_usable(index) && shape_of(index) == shape &&
        (index.is_unique || !broken.is_unique))
      return &index;
  }
  return nullptr;
}

Fix invalid_fix(const Snapshot& db, const Index& index) {
  const bool can_go = index.constraint.empty() && !index.is_partition && !index.is_replica_identity;
  const bool is_surplus = is_leftover(index) || stand_in(db, index) != nullptr;
  if (can_go && is_surplus) {
    Fix fix = drop_index_fix(index);
    fix.undo.clear(); // It never served.
    fix.note = "It is what an interrupted build left; a valid one does the work.";
    return fix;
  }
  if (index.is_exclusion) {
    return Fix{.safety = Safety::blocks_all,
               .phase = Phase::index_build,
               .sql = {"REINDEX INDEX " + catalog::qualified_name(index)},
               .note = "The index of an exclusion constraint cannot be rebuilt concurrently."};
  }
  return Fix{.safety = Safety::online,
             .phase = Phase::index_build,
             .sql = {"REINDEX INDEX CONCURRENTLY " + catalog::qualified_name(index)},
             .note = index.is_unique ? "Fails, and leaves an index named ..._ccnew to be dropped, "
                                       "while two rows have the same key: mend those first."
                                     : "If nobody missed it, drop it instead."};
}

void invalid_index(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Index& index : db.indexes) {
    if ((index.is_valid && index.is_ready) || !index.is_live || index.is_building ||
        index.is_partitioned)
      continue;
    const bool guards = index.is_unique || !index.constraint.empty();
    out.add({.severity = guards ? Severity::error : Severity::warning,
             .object = catalog::qualified_name(index),
             .message = fmt::format("is invalid: {} are written to it and no query reads it{}",
                                    human_bytes(index.size_bytes),
                                    guards ? ", and nothing proves that its keys are unique" : ""),
             .evidence = index_evidence(index),
             .fix = invalid_fix(db, index)});
  }
}

/// Partitions without an index attached to this one of the parent: by shape, as the Snapshot has no
/// link between them.
std::vector<const Relation*> bare_partitions(const Snapshot& db, const TableTree& tree,
                                             const Relation& parent, const Index& index) {
  std::vector<const Relation*> bare;
  const std::string columns = catalog::column_list(db, parent.oid, index.columns);
  for (const OidNumber child : tree.children(parent.oid)) {
    const Relation* const partition = db.relation(child);
    if (partition == nullptr) continue;
    const bool has_it = std::ranges::any_of(db.indexes_of(child), [&](const Index& each) {
      return each.is_partition && each.is_valid && each.method == index.method &&
             each.predicate == index.predicate && each.is_unique == index.is_unique &&
             catalog::column_list(db, child, each.columns) == columns;
    });
    if (!has_it) bare.push_back(partition);
  }
  return bare;
}

Fix complete_index(const Snapshot& db, std::optional<FreeNames>& names, const Relation& parent,
                   const Index& index, const std::vector<const Relation*>& bare) {
  const std::string own = catalog::qualified_name(index);
  const std::string_view definition = index.definition;
  const std::size_t from = definition.find(" USING ");
  const bool is_deep =
      std::ranges::any_of(bare, [](const Relation* each) { return each->kind == "p"; });
  if (from == std::string_view::npos || is_deep || bare.empty() || !index.constraint.empty()) {
    return Fix{.safety = Safety::manual,
               .phase = Phase::index_build,
               .note = "Which partition's index is missing below it must be looked up level by "
                       "level: create it CONCURRENTLY there, then ALTER INDEX " +
                       own + " ATTACH PARTITION it; the parent's becomes valid with the last."};
  }
  if (!names) names.emplace(db);
  Fix fix{.safety = Safety::online,
          .phase = Phase::index_build,
          .note = "Each partition gets its own index without blocking; the parent's becomes valid "
                  "when the last is attached."};
  std::vector<std::string> attach;
  for (const Relation* const partition : bare) {
    const std::string name = names->take(partition->schema, partition->name + "_" + index.name, "");
    fix.sql.push_back(fmt::format("CREATE {}INDEX CONCURRENTLY {} ON {}{}",
                                  index.is_unique ? "UNIQUE " : "",
                                  postgres::quote_identifier(name),
                                  catalog::qualified_name(*partition), definition.substr(from)));
    attach.push_back(fmt::format("ALTER INDEX {} ATTACH PARTITION {}", own,
                                 postgres::quote_qualified(partition->schema, name)));
  }
  std::ranges::move(attach, std::back_inserter(fix.sql));
  (void)parent;
  return fix;
}

void invalid_partitioned_index(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  std::optional<FreeNames> names;
  for (const Index& index : db.indexes) {
    const Relation* const parent = db.relation(index.relation);
    if (parent == nullptr || !index.is_partitioned || index.is_partition || index.is_valid)
      continue;
    const auto bare = bare_partitions(db, tree, *parent, index);
    out.add({.object = catalog::qualified_name(index),
             .message = fmt::format("is invalid: {} of {} partitions have no index attached to it",
                                    bare.size(), tree.children(parent->oid).size()),
             .evidence = Json{{"definition", index.definition},
                              {"partitions_without", static_cast<std::int64_t>(bare.size())}},
             .fix = complete_index(db, names, *parent, index, bare)});
  }
}

/// Which of two equal indexes stays: what the schema needs, then what guards, then the older.
bool stays_before(const Index& left, const Index& right) {
  const auto rank = [](const Index& index) {
    int value = 0;
    if (index.is_primary || index.is_exclusion || !index.constraint.empty()) value += 16;
    if (index.is_replica_identity) value += 8;
    if (index.is_unique) value += 4;
    if (index.supports_foreign_key) value += 2;
    return value;
  };
  const int a = rank(left);
  const int b = rank(right);
  return a != b ? a > b : left.oid < right.oid;
}

bool may_replace(const Index& kept, const Index& other) {
  if (is_needed(other)) return false;
  if (!other.is_unique) return true;
  return kept.is_unique && kept.nulls_not_distinct == other.nulls_not_distinct &&
         (kept.is_immediate || !other.is_immediate);
}

/// Indexes of a table that could go: queries use them, and no parent's index owns them.
std::vector<const Index*> droppable(const Snapshot& db, OidNumber relation) {
  std::vector<const Index*> found;
  for (const Index& index : db.indexes_of(relation)) {
    if (is_usable(index) && !index.is_building) found.push_back(&index);
  }
  return found;
}

std::vector<const Index*> duplicates_on(const Snapshot& db, OidNumber relation,
                                        std::unordered_map<OidNumber, const Index*>& kept_of) {
  std::map<std::string, std::vector<const Index*>> same;
  for (const Index* const index : droppable(db, relation))
    same[shape_of(*index)].push_back(index);
  std::vector<const Index*> found;
  for (auto& [shape, group] : same) {
    if (group.size() < 2) continue;
    std::ranges::stable_sort(
        group, [](const Index* left, const Index* right) { return stays_before(*left, *right); });
    for (std::size_t i = 1; i < group.size(); ++i) {
      if (group[i]->is_partition || !may_replace(*group.front(), *group[i])) continue;
      kept_of[group[i]->oid] = group.front();
      found.push_back(group[i]);
    }
  }
  return found;
}

void duplicate_index(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    std::unordered_map<OidNumber, const Index*> kept_of;
    for (const Index* const index : duplicates_on(db, relation.oid, kept_of)) {
      const Index& kept = *kept_of[index->oid];
      out.add({.object = catalog::qualified_name(*index),
               .message =
                   fmt::format("is the same as {}: {} are kept twice, and every write pays twice",
                               kept.name, human_bytes(index->size_bytes)),
               .evidence = Json{{"kept", kept.name},
                                {"definition", index->definition},
                                {"kept_definition", kept.definition},
                                {"size_bytes", index->size_bytes}},
               .fix = drop_index_fix(*index)});
    }
  }
}

/// Whether every query that the narrow one serves is served by the wide one.
bool contains(const Index& wide, const Index& narrow) {
  const auto narrow_keys = static_cast<std::size_t>(narrow.key_count);
  const auto wide_keys = static_cast<std::size_t>(wide.key_count);
  if (wide.method != "btree" || narrow.method != "btree" || narrow_keys > wide_keys) return false;
  if (!wide.expressions.empty() || !narrow.expressions.empty()) return false;
  if (!wide.predicate.empty() && wide.predicate != narrow.predicate) return false;
  if (narrow_keys == wide_keys && wide.columns.size() <= narrow.columns.size()) return false;
  const auto starts_alike = [&](const auto& all, const auto& part) {
    return all.size() >= narrow_keys && part.size() >= narrow_keys &&
           std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(narrow_keys),
                      all.begin());
  };
  if (!starts_alike(wide.columns, narrow.columns) ||
      !starts_alike(wide.operator_classes, narrow.operator_classes) ||
      !starts_alike(wide.collations, narrow.collations) ||
      !starts_alike(wide.key_options, narrow.key_options))
    return false;
  const bool has_included =
      std::all_of(narrow.columns.begin() + static_cast<std::ptrdiff_t>(narrow_keys),
                  narrow.columns.end(), [&](std::int32_t column) {
                    return std::ranges::find(wide.columns, column) != wide.columns.end();
                  });
  return has_included &&
         wide.size_bytes <= kWiderMax * std::max<std::int64_t>(narrow.size_bytes, 8192);
}

void redundant_index(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    std::unordered_map<OidNumber, const Index*> kept_of;
    const std::vector<const Index*> gone = duplicates_on(db, relation.oid, kept_of);
    const std::vector<const Index*> all = droppable(db, relation.oid);
    for (const Index* const narrow : all) {
      if (narrow->is_unique || is_needed(*narrow) || narrow->is_partition ||
          kept_of.contains(narrow->oid))
        continue;
      const auto wide = std::ranges::find_if(all, [&](const Index* each) {
        return each != narrow && !kept_of.contains(each->oid) && contains(*each, *narrow);
      });
      if (wide == all.end()) continue;
      out.add(
          {.object = catalog::qualified_name(*narrow),
           .message = fmt::format("is contained in {}, which starts with the same columns: {} are "
                                  "kept and written for nothing",
                                  (*wide)->name, human_bytes(narrow->size_bytes)),
           .evidence = Json{{"wider", (*wide)->name},
                            {"definition", narrow->definition},
                            {"wider_definition", (*wide)->definition},
                            {"size_bytes", narrow->size_bytes},
                            {"wider_bytes", (*wide)->size_bytes},
                            {"scans", narrow->scans}},
           .fix = drop_index_fix(*narrow)});
    }
  }
}

void index_too_many(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    const auto indexes = db.indexes_of(relation.oid);
    if (is_judged_at_parent(relation) || indexes.size() <= kIndexesMax) continue;
    std::int64_t bytes = 0;
    for (const Index& index : indexes)
      bytes += index.size_bytes;
    out.add(
        {.object = catalog::qualified_name(relation),
         .message = fmt::format("has {} indexes of {}: each insert, and each update that is not "
                                "heap-only, writes to all of them",
                                indexes.size(), human_bytes(bytes)),
         .evidence = Json{{"indexes", static_cast<std::int64_t>(indexes.size())},
                          {"index_bytes", bytes},
                          {"table_bytes", relation.size_bytes}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::index_drop,
                    .note = "Which of them the queries need is shown by their scans over time, "
                            "on every replica: see unused-index and redundant-index."}});
  }
}

constexpr Facts kIndexFacts = Facts::relations | Facts::columns | Facts::indexes;

constexpr Rule kIndexRules[] = {
    {.id = "invalid-index",
     .aliases = "index-invalid",
     .title = "Invalid index",
     .why = "An interrupted build left it: writes pay for it, queries do not use it, and a unique "
            "one proves nothing.",
     .how = "REINDEX INDEX CONCURRENTLY, or drop it where it is a leftover.",
     .source = "PostgreSQL manual, sql-createindex: Building Indexes Concurrently",
     .severity = Severity::warning,
     .area = Area::indexes,
     .needs = Facts::relations | Facts::indexes | Facts::progress,
     .judge = invalid_index},
    {.id = "invalid-partitioned-index",
     .title = "Index of a partitioned table that lacks partitions",
     .why = "The planner has no index on those partitions, and new partitions get one that the "
            "others lack.",
     .how = "Create the missing indexes concurrently and attach them.",
     .source = "PostgreSQL manual, ddl-partitioning: Partition Maintenance",
     .severity = Severity::warning,
     .area = Area::indexes,
     .needs = kIndexFacts,
     .judge = invalid_partitioned_index},
    {.id = "duplicate-index",
     .aliases = "index-duplicate",
     .title = "Two indexes that are the same",
     .why = "Both are written, cached, vacuumed and backed up; queries use one.",
     .how = "Drop the one that no constraint needs, concurrently.",
     .source = "PgHero; splinter 0009; pgx_scripts",
     .severity = Severity::warning,
     .area = Area::indexes,
     .needs = Facts::relations | Facts::indexes,
     .judge = duplicate_index},
    {.id = "redundant-index",
     .aliases = "index-redundant",
     .title = "Index contained in a wider one",
     .why = "The wider one answers the same queries; both are written.",
     .how = "Drop the narrow one after a look at its scans.",
     .source = "PgHero; postgres_dba; PostgreSQL manual, indexes-multicolumn",
     .severity = Severity::info,
     .area = Area::indexes,
     .needs = Facts::relations | Facts::indexes,
     .judge = redundant_index},
    {.id = "index-too-many",
     .aliases = "too-many-indexes",
     .title = "More than ten indexes on one table",
     .why = "Every insert writes to all of them.",
     .how = "Drop what the queries do not use.",
     .source = "sqlcheck; pgkeep: more than ten",
     .severity = Severity::info,
     .area = Area::indexes,
     .needs = Facts::relations | Facts::indexes,
     .judge = index_too_many},
};

} // namespace

const std::span<const Rule> index_rules{kIndexRules};

} // namespace pgkeep::audit
