// A partitioned table's index is made as the manual advises: CREATE INDEX ON ONLY the parent (an
// instant: it is empty and invalid), CREATE INDEX CONCURRENTLY on each partition, then ATTACH; the
// parent's index becomes valid with the last one. The three kinds come one after the other, so that
// the statements that must run alone stand together.
#include "audit/rules/index_shape.h"

#include <algorithm>

namespace pgkeep::audit {

using catalog::Column;
using catalog::Constraint;
using catalog::Index;
using catalog::OidNumber;
using catalog::Relation;

namespace {

constexpr std::size_t kNameBytes = 60; // Under NAMEDATALEN - 1 (63), with room for a number.
constexpr int kDepthMax = 16;          // Levels of partitions.

bool same_set(std::span<const std::int32_t> keys, std::span<const std::int32_t> columns) {
  return std::ranges::all_of(
      columns, [&](std::int32_t column) { return std::ranges::find(keys, column) != keys.end(); });
}

std::string without_parentheses(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '(' && c != ')') plain.push_back(c);
  }
  return plain;
}

/// "(a IS NOT NULL) AND (b IS NOT NULL)" over nothing but these columns.
bool only_excludes_nulls(const Snapshot& db, const Index& index,
                         std::span<const std::int32_t> columns) {
  std::string rest = without_parentheses(index.predicate);
  while (!rest.empty()) {
    const std::size_t end = rest.find(" AND ");
    const std::string term = rest.substr(0, end);
    rest = end == std::string::npos ? "" : rest.substr(end + 5);
    const bool is_known = std::ranges::any_of(columns, [&](std::int32_t number) {
      const Column* const column = db.column(index.relation, number);
      return column != nullptr && term == postgres::quote_identifier(column->name) + " IS NOT NULL";
    });
    if (!is_known) return false;
  }
  return true;
}

/// Cuts at a character's beginning.
std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U)
    --bytes;
  return text.substr(0, bytes);
}

std::string name_key(std::string_view schema, std::string_view name) {
  return fmt::format("{}.{}", postgres::quote_identifier(schema), postgres::quote_identifier(name));
}

/// Statements for one partitioned table, sorted by kind.
struct PartitionedBuild {
  std::vector<std::string> on_only;
  std::vector<std::string> concurrently;
  std::vector<std::string> attach;
};

std::string stem_of(const Snapshot& db, const Relation& relation,
                    std::span<const std::int32_t> columns) {
  std::string stem = relation.name;
  for (const std::int32_t number : columns) {
    const Column* const column = db.column(relation.oid, number);
    if (column != nullptr) stem += "_" + column->name;
  }
  return stem;
}

/// Attribute numbers differ between a parent and a partition that was attached: names do not.
std::vector<std::int32_t> numbers_in(const Snapshot& db, const Relation& from,
                                     std::span<const std::int32_t> columns, const Relation& to) {
  std::vector<std::int32_t> numbers;
  for (const std::int32_t number : columns) {
    const Column* const wanted = db.column(from.oid, number);
    if (wanted == nullptr) continue;
    for (const Column& column : db.columns_of(to)) {
      if (column.name == wanted->name) numbers.push_back(column.number);
    }
  }
  return numbers;
}

/// An index of the partition that ATTACH accepts in place of a new one.
const Index* attachable(const Snapshot& db, const Relation& partition,
                        std::span<const std::int32_t> columns) {
  for (const Index& index : db.indexes_of(partition.oid)) {
    const bool is_plain = index.method == "btree" && index.predicate.empty() &&
                          index.expressions.empty() && !index.is_partition && !index.is_unique &&
                          is_usable(index);
    if (is_plain && std::ranges::equal(index.columns, columns) &&
        std::ranges::all_of(index.key_options, [](std::int32_t option) { return option == 0; }))
      return &index;
  }
  return nullptr;
}

/// Returns the qualified name of the index on the relation.
std::string plan_partitioned(const Snapshot& db, const TableTree& tree, FreeNames& names,
                             const Relation& relation, std::span<const std::int32_t> columns,
                             int depth, PartitionedBuild& build) {
  if (const Index* const ready = attachable(db, relation, columns); ready != nullptr && depth > 0)
    return catalog::qualified_name(*ready);
  const std::string name = names.take(relation.schema, stem_of(db, relation, columns), "_idx");
  const std::string list = catalog::column_list(db, relation.oid, columns);
  const std::string table = catalog::qualified_name(relation);
  const std::string quoted = postgres::quote_identifier(name);
  if (relation.kind != "p") {
    build.concurrently.push_back(
        fmt::format("CREATE INDEX CONCURRENTLY {} ON {} ({})", quoted, table, list));
    return postgres::quote_qualified(relation.schema, name);
  }
  build.on_only.push_back(fmt::format("CREATE INDEX {} ON ONLY {} ({})", quoted, table, list));
  const std::string own = postgres::quote_qualified(relation.schema, name);
  std::vector<std::string> attach;
  for (const OidNumber child : tree.children(relation.oid)) {
    const Relation* const partition = db.relation(child);
    if (partition == nullptr || depth >= kDepthMax) continue;
    const std::vector<std::int32_t> inside = numbers_in(db, relation, columns, *partition);
    const std::string part =
        plan_partitioned(db, tree, names, *partition, inside, depth + 1, build);
    attach.push_back(fmt::format("ALTER INDEX {} ATTACH PARTITION {}", own, part));
  }
  std::ranges::move(attach, std::back_inserter(build.attach));
  return own;
}

} // namespace

bool is_usable(const Index& index) {
  return index.is_valid && index.is_ready && index.is_live;
}

bool answers_equality(const Snapshot& db, const Index& index,
                      std::span<const std::int32_t> columns) {
  const std::span<const std::int32_t> all = index.columns;
  const auto keys = all.first(std::min(all.size(), static_cast<std::size_t>(index.key_count)));
  if (!is_usable(index) || keys.size() < columns.size() || columns.empty()) return false;
  const bool leads = same_set(keys.first(columns.size()), columns);
  const bool answers = index.method == "gin"    ? same_set(keys, columns)
                       : index.method == "hash" ? keys.size() == 1 && leads
                                                : index.method != "brin" && leads;
  return answers && (index.predicate.empty() || only_excludes_nulls(db, index, columns));
}

bool has_index_for(const Snapshot& db, const TableTree& tree, const Relation& relation,
                   std::span<const std::int32_t> columns) {
  if (std::ranges::any_of(db.indexes_of(relation.oid),
                          [&](const Index& index) { return answers_equality(db, index, columns); }))
    return true;
  const auto children = tree.children(relation.oid);
  if (relation.kind != "p" || children.empty()) return false;
  return std::ranges::all_of(children, [&](OidNumber child) {
    const Relation* const partition = db.relation(child);
    return partition == nullptr ||
           has_index_for(db, tree, *partition, numbers_in(db, relation, columns, *partition));
  });
}

std::string shape_of(const Index& index) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", index.method, fmt::join(index.columns, ","),
                     index.key_count, fmt::join(index.operator_classes, ","),
                     fmt::join(index.collations, ","), fmt::join(index.key_options, ","),
                     index.expressions, index.predicate);
}

bool is_needed(const Index& index) {
  return index.is_primary || index.is_exclusion || !index.constraint.empty() ||
         index.is_replica_identity || index.supports_foreign_key;
}

bool serves_own_foreign_key(const Snapshot& db, const Index& index) {
  return std::ranges::any_of(db.constraints_of(index.relation), [&](const Constraint& key) {
    return key.type == "f" && answers_equality(db, index, key.columns);
  });
}

FreeNames::FreeNames(const Snapshot& db) {
  taken_.reserve(db.relations.size() + db.indexes.size() + db.sequences.size());
  for (const Relation& each : db.relations)
    taken_.insert(name_key(each.schema, each.name));
  for (const Index& each : db.indexes)
    taken_.insert(name_key(each.schema, each.name));
  for (const catalog::Sequence& each : db.sequences)
    taken_.insert(name_key(each.schema, each.name));
}

std::string FreeNames::take(const std::string& schema, std::string_view stem,
                            std::string_view suffix) {
  const std::string base(cut(stem, kNameBytes - suffix.size()));
  std::string name = base + std::string(suffix);
  for (int number = 1; !taken_.insert(name_key(schema, name)).second; ++number) {
    const std::string tail = fmt::format("{}{}", suffix, number);
    name = std::string(cut(base, kNameBytes + 2 - tail.size())) + tail;
  }
  return name;
}

std::string build_concurrently(const std::string& definition) {
  for (const std::string_view start : {"CREATE UNIQUE INDEX ", "CREATE INDEX "}) {
    if (definition.starts_with(start))
      return std::string(start) + "CONCURRENTLY " + definition.substr(start.size());
  }
  return definition;
}

std::string_view definition_tail(const Snapshot& db, const Index& index) {
  const Relation* const relation = db.relation(index.relation);
  if (relation == nullptr) return {};
  const std::string start =
      fmt::format("CREATE {}INDEX {} ON {} ", index.is_unique ? "UNIQUE " : "",
                  postgres::quote_identifier(index.name), catalog::qualified_name(*relation));
  const std::string_view definition = index.definition;
  return definition.starts_with(start) ? definition.substr(start.size()) : std::string_view{};
}

std::string drop_index(const Index& index) {
  return fmt::format("DROP INDEX {}{}", index.is_partitioned ? "" : "CONCURRENTLY ",
                     catalog::qualified_name(index));
}

Fix drop_index_fix(const Index& index) {
  Fix fix{.safety = index.is_partitioned ? Safety::blocks_all : Safety::online,
          .phase = Phase::index_drop,
          .sql = {drop_index(index)}};
  if (index.is_partitioned) {
    // The server prints it as ON ONLY, which would leave the partitions out.
    const std::size_t only = index.definition.find(" ON ONLY ");
    fix.undo = {index.definition};
    if (only != std::string::npos) fix.undo.front().replace(only, 9, " ON ");
    fix.note = "An index of a partitioned table cannot be dropped concurrently: reads and writes "
               "wait for an instant, once the lock is got.";
  } else {
    fix.undo = {build_concurrently(index.definition)};
  }
  return fix;
}

Fix build_index_fix(const Snapshot& db, const TableTree& tree, FreeNames& names,
                    const Relation& relation, std::span<const std::int32_t> columns) {
  PartitionedBuild build;
  const std::string name = plan_partitioned(db, tree, names, relation, columns, 0, build);
  Fix fix{.safety = Safety::online, .phase = Phase::index_build};
  fix.sql = std::move(build.on_only);
  std::ranges::move(build.concurrently, std::back_inserter(fix.sql));
  std::ranges::move(build.attach, std::back_inserter(fix.sql));
  if (relation.kind == "p") {
    fix.undo = {"DROP INDEX " + name};
    fix.note = "CREATE INDEX CONCURRENTLY is refused on a partitioned table, so each partition "
               "gets its own and the parent's index adopts them.";
  } else {
    fix.undo = {"DROP INDEX CONCURRENTLY " + name};
    fix.note = "If it is interrupted, drop the invalid index that it left before running it again.";
  }
  return fix;
}

} // namespace pgkeep::audit
