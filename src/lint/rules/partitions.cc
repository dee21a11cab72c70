// Partitions that come and go: what the parent and the DEFAULT partition bear meanwhile.
#include <fmt/format.h>

#include "base/text.h"
#include "lint/families.h"
#include "lint/lock_table.h"
#include "lint/relations.h"
#include "lint/rules/online_steps.h"
#include "lint/rules/places.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Severity;

/// "FOR VALUES ..." or "DEFAULT", as the text has it.
std::string bound_text(const LoneSubject& subject, const Change& change) {
  const postgres::Node bound = change.node.node("partbound");
  if (bound.flag("is_default")) return "DEFAULT";
  const std::string text = part_text(subject, offset_of_word(subject, "for", change.offset));
  // The last parenthesis before the table's own PARTITION BY, WITH or TABLESPACE.
  int depth = 0;
  std::size_t end = 0;
  int groups = 0;
  const int groups_wanted = bound.nodes("lowerdatums").empty() ? 1 : 2;
  for (std::size_t at = 0; at < text.size() && groups < groups_wanted; ++at) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')' && --depth == 0) {
      ++groups;
      end = at + 1;
    }
  }
  return text.substr(0, end);
}

/// " PARTITION BY LIST (kind)" where the partition has partitions of its own.
std::string own_partitioning(const LoneSubject& subject, const Change& change) {
  const postgres::Node specification = change.node.node("partspec");
  const auto begin = specification.offset();
  return begin ? " " + part_text(subject, *begin) : std::string{};
}

void attach_scan(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (lock_row_of(change, context) != "attach-partition") continue;
    const RelationName fallback = default_partition_of(context, change.relation);
    const bool reads_partition = context.is_in_use(change.other);
    const bool reads_default = fallback && context.is_in_use(fallback);
    if (!reads_partition && !reads_default) continue;
    std::vector<std::string> read;
    if (reads_partition) read.push_back(context.with_size(change.other));
    if (reads_default) read.push_back(context.with_size(fallback));
    out.add(offset_of_word(subject, change.other.name,
                           offset_of_word(subject, "attach", change.offset)),
            {.object = change.other.text(),
             .message = fmt::format("Every row of {} is read to see that it fits while reads and "
                                    "writes of it wait",
                                    enumerate(read)),
             .evidence = Json{{"parent", change.relation.text()},
                              {"partition", change.other.text()},
                              {"read", Json::list(read)},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = by_hand("The bounds must be written as a CHECK by hand. Add it to the table "
                            "NOT VALID, VALIDATE it (on a DEFAULT partition one that excludes "
                            "the same rows), then attach, which reads nothing, and drop it.")});
  }
}

void create_partition_of(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::create_partition_of || !context.is_in_use(change.other))
      continue;
    const RelationName fallback = default_partition_of(context, change.other);
    const bool reads_default = fallback && context.is_in_use(fallback);
    const std::string table = change.relation.text();
    const std::string parent = change.other.text();
    std::string message = fmt::format(
        "{} until it is made", who_waits_first(context, change.other, LockMode::access_exclusive));
    if (reads_default)
      message += fmt::format(", and every row of {} is read", context.with_size(fallback));
    out.add(offset_of_word(subject, "partition", change.offset),
            {.severity = reads_default ? Severity::error : Severity::warning,
             .object = table,
             .message = std::move(message),
             .evidence = Json{{"parent", parent},
                              {"partition", table},
                              {"default_partition", fallback ? fallback.text() : std::string{}},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = online_steps(
                 {fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL){}", table, parent,
                              own_partitioning(subject, change)),
                  fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}", parent, table,
                              bound_text(subject, change))},
                 "ATTACH locks the parent SHARE UPDATE EXCLUSIVE only. Where there is a DEFAULT "
                 "partition, a valid CHECK on it that excludes the new bounds spares its scan.")});
  }
}

void drop_partition(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (lock_row_of(change, context) != "drop-partition" || !context.is_in_use(change.relation))
      continue;
    const RelationName parent = parent_of(context, change.relation);
    const std::string table = change.relation.text();
    const std::string_view note =
        "CONCURRENTLY is refused in a transaction and where there is a DEFAULT partition: there "
        "use a short lock_timeout and try again until it gets through.";
    Fix fix = by_hand("ALTER TABLE .. DETACH PARTITION .. CONCURRENTLY from its parent first, "
                      "then DROP it. " +
                      std::string(note));
    if (parent && !default_partition_of(context, parent))
      fix = online_steps(
          {fmt::format("ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY", parent.text(), table),
           fmt::format("DROP TABLE {}", table)},
          std::string(note));
    out.add(offset_of_word(subject, change.relation.name, change.offset),
            {.object = table,
             .message =
                 fmt::format("{} until the partition is gone, behind every query that runs",
                             parent ? who_waits_first(context, parent, LockMode::access_exclusive)
                                    : "Reads and writes of its parent wait"),
             .evidence = Json{{"partition", table},
                              {"parent", parent ? parent.text() : std::string{}},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = std::move(fix)});
  }
}

void detach(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  for (const Change& change : subject.changes) {
    if (!is_row_in_use(subject, change, "detach-partition")) continue;
    const RelationName fallback = default_partition_of(context, change.relation);
    Fix fix = online_steps({fmt::format("ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY",
                                        change.relation.text(), change.other.text())},
                           "In a migration without a transaction; refused where there is a "
                           "DEFAULT partition.");
    if (fallback)
      fix = by_hand(fmt::format("CONCURRENTLY is refused as {} is the DEFAULT partition. Use a "
                                "short lock_timeout, and try again until it gets through.",
                                fallback.text()));
    out.add(offset_of_word(subject, change.other.name,
                           offset_of_word(subject, "detach", change.offset)),
            {.object = change.other.text(),
             .message =
                 fmt::format("{} until it is done, behind every query that runs",
                             who_waits_first(context, change.relation, LockMode::access_exclusive)),
             .evidence = Json{{"parent", change.relation.text()},
                              {"partition", change.other.text()},
                              {"lock", name_of(LockMode::access_exclusive)}},
             .fix = std::move(fix)});
  }
}

constexpr std::string_view kMaintenance =
    "PostgreSQL manual, ddl-partitioning: Partition Maintenance";

constexpr TextRule kPartitionRules[] = {
    {.card = {.id = "attach-partition-scan",
              .title = "Partition attached without a CHECK that proves its rows",
              .why = "Its rows, and those of the DEFAULT partition, are read while nobody can "
                     "read or write them.",
              .how = "A CHECK with the bounds NOT VALID, VALIDATE, attach, drop the CHECK.",
              .source = kMaintenance,
              .severity = Severity::error,
              .area = Area::transactions},
     .statement = attach_scan,
     .nodes = "AlterTableStmt"},
    {.card = {.id = "create-partition-of",
              .title = "Partition created within a parent in use",
              .why = "The whole partitioned table is locked ACCESS EXCLUSIVE, and the DEFAULT "
                     "partition is read.",
              .how = "CREATE TABLE (LIKE parent), then ATTACH PARTITION.",
              .source = kMaintenance,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = create_partition_of,
     .nodes = "CreateStmt"},
    {.card = {.id = "drop-partition",
              .title = "Partition dropped while it is attached",
              .why = "The whole partitioned table is locked ACCESS EXCLUSIVE.",
              .how = "DETACH PARTITION CONCURRENTLY, then DROP TABLE.",
              .source = kMaintenance,
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = drop_partition,
     .nodes = "DropStmt"},
    {.card = {.id = "detach-partition-not-concurrent",
              .title = "Partition detached without CONCURRENTLY",
              .why = "The whole partitioned table and its DEFAULT partition are locked ACCESS "
                     "EXCLUSIVE.",
              .how = "DETACH PARTITION CONCURRENTLY, in a migration without a transaction.",
              .source = "PostgreSQL manual, sql-altertable: DETACH PARTITION",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = detach,
     .nodes = "AlterTableStmt"},
};

} // namespace

const std::span<const TextRule> partition_rules{kPartitionRules};

} // namespace pgkeep::lint
