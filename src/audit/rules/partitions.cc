// Partitions: rows that found none, and time that runs out of them. The bounds are the texts that
// the server prints: FOR VALUES FROM ('2026-11-01') TO ('2026-12-01').
#include <algorithm>
#include <chrono>
#include <optional>

#include "audit/families.h"
#include "audit/rules/index_shape.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"
#include "base/clock.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::OidNumber;
using catalog::Relation;

using Days = std::chrono::sys_days;

constexpr double kDaySeconds = 86'400;
constexpr double kNoticeDays = 7;    // The rule's own: a week to notice.
constexpr double kAheadDays = 30;    // What the fix creates.
constexpr double kArchiveDays = 366; // A table that ended before, and takes no rows, is an archive.
constexpr std::size_t kNewPartitionsMax = 14; // Two weeks of days.

bool is_default(const Relation& relation) {
  return relation.partition_bound == "DEFAULT";
}

void partition_default_rows(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  for (const Relation& relation : db.relations) {
    const Relation* const parent = is_default(relation) ? db.relation(relation.parent) : nullptr;
    const auto rows = parent == nullptr ? 0 : static_cast<std::int64_t>(tree.rows(relation));
    if (rows <= 0) continue;
    // A list's default is often meant as "all others"; a range's holds what came too late or early.
    const bool is_range = parent->partition_strategy == "range";
    out.add({.severity = is_range ? Severity::warning : Severity::info,
             .object = catalog::qualified_name(relation),
             .message = fmt::format("the default partition of {} holds {} rows that found no other",
                                    catalog::qualified_name(*parent), human_count(rows)),
             .evidence = Json{{"rows", rows},
                              {"parent", catalog::qualified_name(*parent)},
                              {"partition_key", parent->partition_key}},
             .fix = Fix{.safety = Safety::manual,
                        .note = "Which partitions these rows should have is a decision, and none "
                                "can be attached while the default holds rows of it: in one "
                                "transaction detach the default, create the partitions, move the "
                                "rows by INSERT ... SELECT, attach it again."}});
  }
}

/// Both ends of one partition, as the server prints them.
struct Bound {
  std::string from;
  std::string to;
};

/// The first value of "FROM ('2026-11-01', 5)"; MINVALUE and MAXVALUE as such.
std::string first_value(std::string_view bound, std::string_view after) {
  const std::size_t start = bound.find(after);
  if (start == std::string_view::npos) return {};
  std::string_view rest = bound.substr(start + after.size());
  if (rest.starts_with('\'')) {
    const std::size_t end = rest.find('\'', 1);
    return end == std::string_view::npos ? "" : std::string(rest.substr(1, end - 1));
  }
  return std::string(rest.substr(0, rest.find_first_of(",)")));
}

Bound bound_of(const Relation& partition) {
  return {.from = first_value(partition.partition_bound, "FROM ("),
          .to = first_value(partition.partition_bound, ") TO (")};
}

std::optional<double> seconds_at(std::string text) {
  // A timestamp without zone is taken as UTC: the rule's limit is a week, a zone is hours.
  const std::size_t time = text.find(':');
  if (time != std::string::npos && text.find_first_of("+-", time) == std::string::npos)
    text += "+00";
  const auto at = base::parse_timestamp(text);
  if (!at) return std::nullopt;
  return std::chrono::duration<double>(at->time_since_epoch()).count();
}

/// The only column of a range key over time; null for all others.
const Column* time_key(const Snapshot& db, const Relation& parent) {
  if (parent.partition_strategy != "range") return nullptr;
  for (const Column& column : db.columns_of(parent)) {
    const bool is_time = column.base_type == "date" || column.base_type == "timestamp" ||
                         column.base_type == "timestamptz";
    if (is_time &&
        parent.partition_key == fmt::format("RANGE ({})", postgres::quote_identifier(column.name)))
      return &column;
  }
  return nullptr;
}

/// Where the partitions end.
struct Edge {
  const Relation* last = nullptr;
  double end = 0;
  bool has_default = false;
  bool default_holds_rows = false;
  bool is_open = false; ///< The last one reaches to MAXVALUE.
};

Edge edge_of(const Snapshot& db, const TableTree& tree, const Relation& parent) {
  Edge edge;
  for (const OidNumber child : tree.children(parent.oid)) {
    const Relation* const partition = db.relation(child);
    if (partition == nullptr) continue;
    if (is_default(*partition)) {
      edge.has_default = true;
      edge.default_holds_rows = tree.rows(*partition) > 0;
      continue;
    }
    const Bound bound = bound_of(*partition);
    if (bound.to == "MAXVALUE" || bound.to == "infinity") edge.is_open = true;
    const auto end = seconds_at(bound.to);
    if (end && (edge.last == nullptr || *end > edge.end)) {
      edge.last = partition;
      edge.end = *end;
    }
  }
  return edge;
}

/// Partitions of whole days or whole months; anything else has no step.
struct Step {
  int months = 0;
  int days = 0;
};

std::optional<Days> day_at(const std::string& text) {
  const auto at = seconds_at(text);
  if (!at) return std::nullopt;
  const auto days = static_cast<std::int64_t>(*at / kDaySeconds);
  if (static_cast<double>(days) * kDaySeconds != *at) return std::nullopt;
  return Days(std::chrono::days(days));
}

std::optional<Step> step_of(Days from, Days to) {
  const std::chrono::year_month_day a{from};
  const std::chrono::year_month_day b{to};
  if (a.day() == b.day() && static_cast<unsigned>(a.day()) == 1U) {
    const int months = (static_cast<int>(b.year()) - static_cast<int>(a.year())) * 12 +
                       static_cast<int>(static_cast<unsigned>(b.month())) -
                       static_cast<int>(static_cast<unsigned>(a.month()));
    return months > 0 ? std::optional(Step{.months = months}) : std::nullopt;
  }
  const auto days = static_cast<int>((to - from).count());
  return days > 0 ? std::optional(Step{.days = days}) : std::nullopt;
}

Days next_day(Days day, const Step& step) {
  if (step.months == 0) return day + std::chrono::days(step.days);
  return Days(std::chrono::year_month_day{day} + std::chrono::months(step.months));
}

double seconds_of_day(Days day) {
  return static_cast<double>(day.time_since_epoch().count()) * kDaySeconds;
}

/// '2026-11-01' as the key's type wants it: a timestamptz bound is given in UTC, as it was read.
std::string bound_text(Days day, const Column& key) {
  const std::string date = base::to_iso(base::Timestamp(day)).substr(0, 10);
  return postgres::quote_literal(key.base_type == "timestamptz" ? date + " 00:00:00+00" : date);
}

Fix by_hand(std::string why) {
  return Fix{.safety = Safety::manual,
             .phase = Phase::maintenance,
             .note = std::move(why) + ": create the next partitions by hand, and let a job or "
                                      "pg_partman create them from now on."};
}

void add_partition(const Snapshot& db, FreeNames& names, const Relation& parent, const Column& key,
                   Days from, Days to, Fix& fix) {
  const std::string stamp =
      base::replace_all(base::to_iso(base::Timestamp(from)).substr(0, 10), "-", "");
  const std::string name =
      postgres::quote_qualified(parent.schema, names.take(parent.schema, parent.name, "_" + stamp));
  const std::string table = catalog::qualified_name(parent);
  fix.sql.push_back(
      fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY)", name, table));
  if (parent.owner != db.server.user)
    fix.sql.push_back(
        fmt::format("ALTER TABLE {} OWNER TO {}", name, postgres::quote_identifier(parent.owner)));
  fix.sql.push_back(fmt::format("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})",
                                table, name, bound_text(from, key), bound_text(to, key)));
  fix.undo.insert(fix.undo.begin(), fmt::format("DROP TABLE {}", name));
}

Fix next_partitions(const Snapshot& db, const Relation& parent, const Column& key,
                    const Edge& edge) {
  if (edge.default_holds_rows)
    return by_hand("The default partition holds rows that the next ones may claim, and they cannot "
                   "be attached before those are moved");
  if (edge.last->kind == "p")
    return by_hand("The partitions are partitioned themselves, in a way that cannot be copied");
  const Bound bound = bound_of(*edge.last);
  const auto from = day_at(bound.from);
  const auto to = day_at(bound.to);
  const auto step = from && to ? step_of(*from, *to) : std::nullopt;
  if (!step) return by_hand("The partitions are no whole days or months long");
  Fix fix{.safety = edge.has_default ? Safety::blocks_all : Safety::online,
          .phase = Phase::maintenance, // After the indexes that it copies from the parent.
          .note = "Creates empty tables like the parent and attaches them, which does not block "
                  "it. From now on let a job or pg_partman do it."};
  if (edge.has_default) fix.note += " The default partition is read while writes to it wait.";
  FreeNames names(db);
  // After a long gap only the time ahead matters: what is over is skipped.
  Days start = *to;
  while (seconds_of_day(next_day(start, *step)) <= db.server.now)
    start = next_day(start, *step);
  const double horizon = db.server.now + kAheadDays * kDaySeconds;
  for (std::size_t i = 0; i < kNewPartitionsMax && seconds_of_day(start) < horizon; ++i) {
    const Days end = next_day(start, *step);
    add_partition(db, names, parent, key, start, end, fix);
    start = end;
  }
  return fix;
}

/// Nothing comes in any more, and the end is long past.
bool is_archive(const Snapshot& db, const TableTree& tree, const Relation& parent,
                const Edge& edge) {
  if (db.server.now - edge.end < kArchiveDays * kDaySeconds) return false;
  return std::ranges::all_of(tree.leaves(parent),
                             [](const Relation* leaf) { return leaf->inserted <= 0; });
}

void no_future_partition(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const TableTree tree(db);
  for (const Relation& parent : db.relations) {
    const Column* const key = parent.kind == "p" ? time_key(db, parent) : nullptr;
    if (key == nullptr) continue;
    const Edge edge = edge_of(db, tree, parent);
    if (edge.last == nullptr || edge.is_open) continue;
    const double days = (edge.end - db.server.now) / kDaySeconds;
    if (days >= kNoticeDays || is_archive(db, tree, parent, edge)) continue;
    const std::string when = bound_of(*edge.last).to;
    const std::string_view fate = edge.has_default ? "go to the default partition" : "fail";
    out.add(
        {.object = catalog::qualified_name(parent),
         .message =
             days < 0
                 ? fmt::format("the last partition ended at {}: inserts for today {}", when, fate)
                 : fmt::format("the last partition ends at {}, in {:.1f} days: later inserts {}",
                               when, days, fate),
         .evidence = Json{{"ends_at", when},
                          {"last_partition", catalog::qualified_name(*edge.last)},
                          {"days_left", days},
                          {"has_default", edge.has_default}},
         .fix = next_partitions(db, parent, *key, edge)});
  }
}

constexpr Rule kPartitionRules[] = {
    {.id = "partition-default-rows",
     .title = "Rows in the default partition",
     .why =
         "They are in nobody's range, so queries and retention miss them, and the partition they "
         "belong to cannot be attached.",
     .how = "Create the partitions that are missing and move the rows.",
     .source = "PostgreSQL manual, ddl-partitioning; pg_partman check_default",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = Facts::relations,
     .judge = partition_default_rows},
    {.id = "no-future-partition",
     .title = "Partitions of time that end soon",
     .why = "When the last one ends, inserts fail, or pile up in the default partition.",
     .how = "Create the next ones ahead of time, by a job.",
     .source = "PostgreSQL manual, ddl-partitioning: Partition Maintenance; pg_partman",
     .severity = Severity::warning,
     .area = Area::schema,
     .needs = Facts::server | Facts::relations | Facts::columns,
     .judge = no_future_partition},
};

} // namespace

const std::span<const Rule> partition_rules{kPartitionRules};

} // namespace pgkeep::audit
