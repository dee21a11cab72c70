// Bloat: pages that hold no rows. Compares the pages of pg_class with those that a fresh copy would
// take (width_model.h): both figures are of the last VACUUM or ANALYZE, so rows written since then
// blame nobody.

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>
#include <vector>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/width_model.h"

namespace pgkeep::audit {
namespace {

using catalog::Index;
using catalog::Relation;

constexpr double kPageBytes = 8192;
constexpr double kShareInfo = 0.30;
constexpr double kShareWarning = 0.50;
constexpr std::int64_t kWarningFactor = 10; // 1 GB where the limit is 100 MB.
constexpr std::size_t kNamesShown = 5;

struct Waste {
  std::int64_t total_bytes = 0;
  std::int64_t wasted_bytes = 0;
  double share = 0;
};

Waste waste_of(double pages, double pages_fresh) {
  const double wasted = std::max(0.0, pages - pages_fresh);
  return {.total_bytes = static_cast<std::int64_t>(pages * kPageBytes),
          .wasted_bytes = static_cast<std::int64_t>(wasted * kPageBytes),
          .share = pages > 0 ? wasted / pages : 0};
}

/// nullopt = not worth a word.
std::optional<Severity> severity_of(const Waste& waste, const Limits& limits) {
  if (waste.share > kShareWarning && waste.wasted_bytes > kWarningFactor * limits.bloat_bytes) {
    return Severity::warning;
  }
  if (waste.share > kShareInfo && waste.wasted_bytes > limits.bloat_bytes) return Severity::info;
  return std::nullopt;
}

std::string message_of(const Waste& waste, std::string_view rest) {
  return fmt::format("about {} of {} ({}) hold no rows, an estimate \u00b120 %{}",
                     human_bytes(waste.wasted_bytes), human_bytes(waste.total_bytes),
                     human_percent(waste.share), rest);
}

Json evidence_of(const Waste& waste, double rows) {
  return Json{{"size_bytes", waste.total_bytes},
              {"estimated_waste_bytes", waste.wasted_bytes},
              {"estimated_waste_share", std::round(waste.share * 1000) / 1000},
              {"rows", static_cast<std::int64_t>(rows)}};
}

/// Tells which large relations could not be judged, so that silence does not read as "passed".
void report_unknown(const std::vector<std::string>& names, std::string_view what, Sink& out) {
  if (names.empty()) return;
  const std::vector<std::string> shown(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesShown)));
  out.skip(fmt::format(
      "{} large {} cannot be estimated, as column statistics are missing or may not be read: {}{}",
      names.size(), what, base::join(shown, ", "), names.size() > kNamesShown ? ", ..." : ""));
}

Fix rewrite(const Relation& relation) {
  return {.safety = Safety::blocks_all,
          .phase = Phase::maintenance,
          .sql = {fmt::format("VACUUM (FULL, ANALYZE) {}", catalog::qualified_name(relation))},
          .note = "Writes the table and its indexes anew and blocks every reader and writer "
                  "meanwhile; it needs free space for the "
                  "copy. The online way is pg_repack or pg_squeeze, which are extensions. The "
                  "exact figure first: "
                  "pgstattuple_approx() of the extension pgstattuple."};
}

void table_bloat(const Snapshot& db, const Limits& limits, Sink& out) {
  std::vector<std::string> unknown;
  for (const Relation& relation : db.relations) {
    if (relation.kind != "r" && relation.kind != "m") continue;
    // Only what the picture counts at one moment can be compared: TOAST chunks are counted by
    // VACUUM alone.
    const bool has_toast = relation.toast_rows >= 0;
    const double heap = static_cast<double>(relation.pages);
    const double toast = has_toast ? static_cast<double>(relation.toast_bytes) / kPageBytes : 0;
    if ((heap + toast) * kPageBytes <= static_cast<double>(limits.bloat_bytes)) continue;
    const std::optional<double> fresh = heap_pages(db, relation);
    if (!fresh) {
      unknown.push_back(catalog::qualified_name(relation));
      continue;
    }
    // Each part on its own first: a heap that is smaller than estimated must not hide TOAST that is
    // larger.
    const double fresh_pages = std::min(heap, *fresh) +
                               (has_toast ? std::min(toast, toast_pages(relation.toast_rows)) : 0);
    const Waste waste = waste_of(heap + toast, fresh_pages);
    const std::optional<Severity> severity = severity_of(waste, limits);
    if (!severity) continue;
    Json evidence = evidence_of(waste, relation.rows);
    evidence.set("heap_pages", relation.pages);
    evidence.set("heap_pages_if_fresh", static_cast<std::int64_t>(*fresh));
    evidence.set("toast_bytes", relation.toast_bytes);
    evidence.set("dead_rows", relation.dead_rows);
    out.add({.severity = severity,
             .object = catalog::qualified_name(relation),
             .message = message_of(
                 waste, fmt::format(" from {} rows",
                                    human_count(static_cast<std::int64_t>(relation.rows)))),
             .evidence = std::move(evidence),
             .fix = rewrite(relation)});
  }
  report_unknown(unknown, "tables", out);
}

Fix rebuild(const Index& index) {
  const std::string name = catalog::qualified_name(index);
  // The server refuses CONCURRENTLY for exclusion constraints (PostgreSQL manual, sql-reindex).
  if (index.is_exclusion) {
    return {.safety = Safety::blocks_writes,
            .phase = Phase::maintenance,
            .sql = {fmt::format("REINDEX INDEX {}", name)},
            .note = "The index of an exclusion constraint cannot be rebuilt concurrently."};
  }
  return {.safety = Safety::online,
          .phase = Phase::maintenance,
          .sql = {fmt::format("REINDEX INDEX CONCURRENTLY {}", name)},
          .note = "Needs free space for the new index beside the old one. The exact figure first: "
                  "pgstatindex() of the extension "
                  "pgstattuple."};
}

void index_bloat(const Snapshot& db, const Limits& limits, Sink& out) {
  std::vector<std::string> unknown;
  for (const Index& index : db.indexes) {
    if (static_cast<double>(index.pages) * kPageBytes <= static_cast<double>(limits.bloat_bytes))
      continue;
    if (!has_btree_model(index))
      continue; // No model for it: the rule's text says which indexes it judges.
    const std::optional<double> fresh = btree_pages(db, index);
    if (!fresh) {
      unknown.push_back(catalog::qualified_name(index));
      continue;
    }
    const Waste waste = waste_of(static_cast<double>(index.pages), *fresh);
    const std::optional<Severity> severity = severity_of(waste, limits);
    if (!severity) continue;
    Json evidence = evidence_of(waste, index.rows);
    evidence.set("pages", index.pages);
    evidence.set("pages_if_fresh", static_cast<std::int64_t>(*fresh));
    evidence.set("definition", index.definition);
    out.add({.severity = severity,
             .object = catalog::qualified_name(index),
             .message =
                 message_of(waste, fmt::format(" from {} entries",
                                               human_count(static_cast<std::int64_t>(index.rows)))),
             .evidence = std::move(evidence),
             .fix = rebuild(index)});
  }
  report_unknown(unknown, "indexes", out);
}

constexpr Rule kBloatRules[] = {
    {.id = "table-bloat-estimate",
     .aliases = "table-bloat",
     .title = "Table is mostly empty space",
     .why = "Every scan, backup and cached page carries the empty space; vacuum reuses it but does "
            "not give it back.",
     .how = "Rewrite the table: online with pg_repack or pg_squeeze, or with VACUUM FULL while "
            "nobody needs it. Then find why vacuum "
            "came too late.",
     .source = "ioguix pgsql-bloat-estimation (model); PostgreSQL manual, storage-page-layout and "
               "routine-vacuuming: Recovering Disk "
               "Space",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::columns | Facts::column_stats,
     .judge = table_bloat},
    {.id = "index-bloat-estimate",
     .aliases = "index-bloat",
     .title = "B-tree index is mostly empty space",
     .why = "Look-ups read more pages and the cache holds fewer entries; pages that are not wholly "
            "empty are never given back.",
     .how = "Rebuild it with REINDEX INDEX CONCURRENTLY. Judged are valid B-trees over plain "
            "columns; partial and expression indexes "
            "have no statistics to judge by.",
     .source = "ioguix pgsql-bloat-estimation (model), with posting lists by the PostgreSQL "
               "manual, btree: Deduplication; "
               "routine-reindex",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::indexes | Facts::columns | Facts::column_stats,
     .judge = index_bloat},
};

} // namespace

const std::span<const Rule> bloat_rules{kBloatRules};

} // namespace pgkeep::audit
