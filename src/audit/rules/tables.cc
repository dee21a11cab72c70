// What can be wrong with a table as a whole, apart from its keys.
#include "audit/rules/tables.h"

#include <algorithm>
#include <unordered_set>

#include "audit/rules/table_tree.h"

namespace pgkeep::audit {

using catalog::Column;
using catalog::OidNumber;
using catalog::Relation;

namespace {

constexpr std::uint32_t kColumnsMax = 100; // Atlas PG110 and pg-index-health.
constexpr std::size_t kNameBytesMax = 63;  // NAMEDATALEN - 1.
constexpr double kPaddingShare = 0.10;
constexpr std::int64_t kPaddingBytes = base::kGiB;

void add_long_name(Sink& out, std::string object, std::string_view what) {
  out.add({.object = std::move(object),
           .message = fmt::format("the name of this {} has 63 bytes, the most there can be: the "
                                  "server has probably cut it",
                                  what),
           .evidence = Json{{"bytes", static_cast<int>(kNameBytesMax)}},
           .fix = Fix{.safety = Safety::manual,
                      .note = "No statement knows the name that was meant: choose a shorter one "
                              "and rename it together with the code that uses it."}});
}

std::int64_t alignment_bytes(const Column& column) {
  if (column.alignment == "d") return 8;
  if (column.alignment == "i") return 4;
  return column.alignment == "s" ? 2 : 1;
}

double width_of(const Column& column) {
  if (column.length > 0) return column.length;
  return column.average_width > 0 ? column.average_width : 8;
}

/// Bytes of a row's data with this order of columns. A value of varying length is aligned only when
/// it is long (over 126 bytes), as the server stores short ones unaligned.
double row_bytes(const std::vector<const Column*>& columns) {
  double at = 0;
  for (const Column* const column : columns) {
    const bool is_short = column->length < 0 && width_of(*column) <= 126;
    const double align = is_short ? 1 : static_cast<double>(alignment_bytes(*column));
    const auto slots = static_cast<std::int64_t>((at + align - 1) / align);
    at = static_cast<double>(slots) * align + width_of(*column);
  }
  const std::int64_t padded = (static_cast<std::int64_t>(at) + 7) / 8 * 8; // Rows start at eights.
  return static_cast<double>(padded);
}

/// An unlogged table can only become logged after those that it references.
void add_set_logged(const Snapshot& db, const Relation& relation,
                    std::unordered_set<OidNumber>& visited, Fix& fix) {
  if (!visited.insert(relation.oid).second) return;
  for (const catalog::Constraint& key : db.constraints_of(relation.oid)) {
    const Relation* const target = key.type == "f" ? db.relation(key.target) : nullptr;
    if (target != nullptr && target->persistence == "u") add_set_logged(db, *target, visited, fix);
  }
  const std::string name = catalog::qualified_name(relation);
  fix.sql.push_back(fmt::format("ALTER TABLE {} SET LOGGED", name));
  fix.undo.insert(fix.undo.begin(), fmt::format("ALTER TABLE {} SET UNLOGGED", name));
}

} // namespace

void table_inheritance(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    const Relation* const parent =
        relation.is_table() && !relation.is_partition ? db.relation(relation.parent) : nullptr;
    if (parent == nullptr) continue;
    out.add({.object = catalog::qualified_name(relation),
             .message = fmt::format("inherits from {}: keys, unique constraints and foreign keys "
                                    "of the parent do not hold for its rows",
                                    catalog::qualified_name(*parent)),
             .evidence = Json{{"parent", catalog::qualified_name(*parent)}},
             .fix = Fix{.safety = Safety::manual,
                        .note = "Whether partitions, a foreign key or two plain tables replace it "
                                "depends on how the rows are used, which no statement knows."}});
  }
}

void table_without_columns(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || relation.column_count != 0) continue;
    out.add({.object = catalog::qualified_name(relation),
             .message = "has no column",
             .evidence = Json{{"columns", 0}},
             .fix = Fix{.safety = Safety::manual,
                        .sql = {"DROP TABLE " + catalog::qualified_name(relation)},
                        .note = "Whether something still expects the table is not written in the "
                                "catalog: ask its owner, then drop it."}});
  }
}

void too_many_columns(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!relation.is_table() || is_judged_at_parent(relation) ||
        relation.column_count <= kColumnsMax)
      continue;
    out.add({.object = catalog::qualified_name(relation),
             .message = fmt::format("has {} columns: every update writes all of them again",
                                    relation.column_count),
             .evidence = Json{{"columns", std::int64_t{relation.column_count}}},
             .fix = Fix{.safety = Safety::manual,
                        .note = "Which columns belong together is a decision: split off those that "
                                "are read or written apart from the rest."}});
  }
}

void identifier_too_long(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (relation.name.size() >= kNameBytesMax)
      add_long_name(out, catalog::qualified_name(relation), "relation");
    if (is_judged_at_parent(relation)) continue;
    for (const Column& column : db.columns_of(relation)) {
      if (column.name.size() >= kNameBytesMax)
        add_long_name(out, catalog::column_object(relation, column), "column");
    }
  }
  for (const catalog::Index& index : db.indexes) {
    if (index.name.size() >= kNameBytesMax && !index.is_partition)
      add_long_name(out, catalog::qualified_name(index), "index");
  }
  for (const catalog::Sequence& sequence : db.sequences) {
    if (sequence.name.size() >= kNameBytesMax)
      add_long_name(out, catalog::qualified_name(sequence), "sequence");
  }
}

void unlogged_in_production(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  for (const Relation& relation : db.relations) {
    if (relation.kind != "r" || relation.persistence != "u") continue;
    Fix fix{.safety = Safety::blocks_all,
            .phase = Phase::types,
            .note = "Copies the table into the WAL. Keep it unlogged only where its rows can be "
                    "made again, and say so with an ignore."};
    std::unordered_set<OidNumber> visited;
    add_set_logged(db, relation, visited, fix);
    out.add({.object = catalog::qualified_name(relation),
             .message = fmt::format(
                 "is unlogged: its {} rows are gone after a crash, and no "
                 "replica or backup has them",
                 human_count(static_cast<std::int64_t>(std::max(0.0, tree.rows(relation))))),
             .evidence = Json{{"rows", relation.rows}, {"size_bytes", relation.size_bytes}},
             .fix = std::move(fix)});
  }
}

void column_order_padding(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (relation.kind != "r" || relation.rows <= 0 || relation.size_bytes < kPaddingBytes) continue;
    std::vector<const Column*> order;
    for (const Column& column : db.columns_of(relation))
      order.push_back(&column);
    const double now = row_bytes(order);
    std::ranges::stable_sort(order, [](const Column* left, const Column* right) {
      if ((left->length < 0) != (right->length < 0)) return left->length > 0;
      return alignment_bytes(*left) > alignment_bytes(*right);
    });
    const double saved = (now - row_bytes(order)) * relation.rows;
    const double share = saved / static_cast<double>(relation.size_bytes);
    if (saved < static_cast<double>(kPaddingBytes) || share < kPaddingShare) continue;
    out.add({.object = catalog::qualified_name(relation),
             .message = fmt::format("about {} of {} are padding between columns: another order of "
                                    "columns would save them",
                                    human_bytes(static_cast<std::int64_t>(saved)),
                                    human_bytes(relation.size_bytes)),
             .evidence = Json{{"saved_bytes", static_cast<std::int64_t>(saved)},
                              {"size_bytes", relation.size_bytes},
                              {"rows", relation.rows}},
             .fix = Fix{.safety = Safety::manual,
                        .note = "Columns cannot be moved: when the table is rewritten anyway, "
                                "create it with the wide fixed types first, text last."}});
  }
}

} // namespace pgkeep::audit
