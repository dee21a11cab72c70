// Fixes are sorted by phase, then keep the report's order. Each fix is cut where the kind of its
// statements changes; the pieces of a group (one rule, or one object) that stand at the same place
// and are of the same kind become one file.
#include "findings/fix_plan.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/text.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kFilesPerRuleMax =
    50; // Beyond that, objects share files: nobody runs a thousand files by hand.

std::string without_semicolon(std::string_view sql) {
  std::string_view text = base::trim(sql);
  while (!text.empty() && text.back() == ';')
    text = base::trim(text.substr(0, text.size() - 1));
  return std::string(text);
}

/// "public.a_idx" of "DROP INDEX CONCURRENTLY public.a_idx" and of "REINDEX INDEX public.a_idx".
std::string index_named(std::string_view statement, std::string_view verb) {
  if (!statement.starts_with(verb)) return {};
  std::string_view rest = statement.substr(verb.size());
  for (const std::string_view option : {"CONCURRENTLY ", "IF EXISTS "}) {
    if (rest.starts_with(option)) rest.remove_prefix(option.size());
  }
  return std::string(rest);
}

/// Remembers what was written already.
class Seen {
public:
  /// Whether an earlier fix drops what this statement would build again.
  bool is_for_dropped(const std::string& statement) {
    if (std::string dropped = index_named(statement, "DROP INDEX "); !dropped.empty())
      dropped_.insert(std::move(dropped));
    const std::string rebuilt = index_named(statement, "REINDEX INDEX ");
    return !rebuilt.empty() && dropped_.contains(rebuilt);
  }
  /// False for a statement that an earlier fix has.
  bool add(const std::string& statement) { return statements_.insert(statement).second; }
  /// The statement that set the same setting to something else before, or null.
  const std::string* contradiction(const std::string& statement) {
    const std::string target = setting_target(statement);
    if (target.empty()) return nullptr;
    const auto [place, is_new] = settings_.try_emplace(target, statement);
    return is_new || place->second == statement ? nullptr : &place->second;
  }

private:
  std::unordered_set<std::string> statements_;
  std::unordered_set<std::string> dropped_;
  std::unordered_map<std::string, std::string> settings_;
};

/// Reloads belong to the settings they make valid.
StatementKind file_kind(std::string_view sql) {
  const StatementKind kind = kind_of(sql);
  return kind == StatementKind::reload ? StatementKind::system_setting : kind;
}

struct Segment {
  StatementKind kind = StatementKind::transactional;
  Piece piece = {};
};

Segment segment_of(StatementKind kind, const Finding& finding, const Rule* rule) {
  Segment segment;
  segment.kind = kind;
  segment.piece.finding = &finding;
  segment.piece.rule = rule;
  return segment;
}

std::vector<Segment> cut(const Finding& finding, const Rule* rule, Seen& seen, Seen& seen_undo) {
  std::vector<Segment> segments;
  std::vector<std::string> left_out;
  for (const std::string& raw : fix_of(finding).sql) {
    std::string statement = without_semicolon(raw);
    if (statement.empty() || seen.is_for_dropped(statement)) continue;
    if (seen.contradiction(statement) != nullptr) {
      left_out.push_back(std::move(statement));
      continue;
    }
    const bool is_reload = kind_of(statement) == StatementKind::reload;
    if (!is_reload && !seen.add(statement)) continue;
    const StatementKind kind = file_kind(statement);
    if (segments.empty() || segments.back().kind != kind) {
      segments.push_back(segment_of(kind, finding, rule));
    }
    segments.back().piece.statements.push_back(std::move(statement));
  }
  // A reload alone is left over where the setting itself was written before.
  const auto only_reloads = [](const Segment& segment) {
    return std::ranges::all_of(segment.piece.statements, [](const std::string& s) {
      return kind_of(s) == StatementKind::reload;
    });
  };
  std::erase_if(segments, only_reloads);
  if (segments.empty() && left_out.empty()) return segments;
  // All of it contradicts what was written: the file of its kind says so.
  if (segments.empty()) segments.push_back(segment_of(file_kind(left_out.front()), finding, rule));
  Piece& first = segments.front().piece;
  first.is_first = true;
  first.left_out = std::move(left_out);
  for (const std::string& raw : fix_of(finding).undo) {
    std::string statement = without_semicolon(raw);
    if (statement.empty()) continue;
    if (kind_of(statement) == StatementKind::reload || seen_undo.add(statement))
      first.undo.push_back(std::move(statement));
  }
  return segments;
}

bool one_object_a_file(const Fix& fix) {
  if (fix.safety == Safety::blocks_all || fix.safety == Safety::blocks_writes) return true;
  return fix.phase == Phase::types || fix.phase == Phase::keys || fix.phase == Phase::index_build ||
         fix.phase == Phase::index_drop;
}

/// Findings that share a file, of one rule.
std::vector<std::vector<const Finding*>> chunks_of(const std::vector<const Finding*>& findings) {
  std::vector<std::vector<const Finding*>> chunks;
  const std::size_t size = one_object_a_file(fix_of(*findings.front()))
                               ? (findings.size() + kFilesPerRuleMax - 1) / kFilesPerRuleMax
                               : findings.size();
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (i % size == 0) chunks.emplace_back();
    chunks.back().push_back(findings[i]);
  }
  return chunks;
}

using GroupKey = std::tuple<std::string_view, Safety>;

std::vector<std::vector<const Finding*>> groups_of(const Report& report, Phase phase) {
  std::vector<std::vector<const Finding*>> groups;
  std::map<GroupKey, std::size_t> places;
  for (const Finding& finding : report.findings) {
    if (!finding.fix || fix_of(finding).phase != phase ||
        fix_of(finding).safety == Safety::manual || fix_of(finding).sql.empty())
      continue;
    const auto [place, is_new] =
        places.try_emplace({finding.rule, fix_of(finding).safety}, groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(&finding);
  }
  return groups;
}

void add_chunk(const std::vector<const Finding*>& chunk, const RuleIndex& index, Seen& seen,
               Seen& seen_undo, std::vector<Batch>& batches) {
  // Place in the fix, then kind: what comes first in each fix comes first on disk.
  std::map<std::pair<std::size_t, StatementKind>, Batch> files;
  for (const Finding* finding : chunk) {
    std::vector<Segment> segments = cut(*finding, index.find(finding->rule), seen, seen_undo);
    for (std::size_t i = 0; i < segments.size(); ++i) {
      Batch& batch = files[{i, segments[i].kind}];
      batch.kind = segments[i].kind;
      batch.phase = fix_of(*finding).phase;
      batch.safety = fix_of(*finding).safety;
      batch.pieces.push_back(std::move(segments[i].piece));
    }
  }
  for (auto& [place, batch] : files)
    batches.push_back(std::move(batch));
}

/// All ALTER SYSTEM of a phase in one file, with one reload at its end.
void merge_settings(std::vector<Batch>& batches) {
  std::vector<Batch> merged;
  std::map<Phase, std::size_t> places;
  for (Batch& batch : batches) {
    if (batch.kind != StatementKind::system_setting || batch.safety != Safety::online) {
      merged.push_back(std::move(batch));
      continue;
    }
    const auto [place, is_new] = places.try_emplace(batch.phase, merged.size());
    if (is_new) {
      merged.push_back(std::move(batch));
    } else {
      std::ranges::move(batch.pieces, std::back_inserter(merged[place->second].pieces));
    }
  }
  batches = std::move(merged);
}

/// "public.orders" of "ALTER TABLE public.orders ALTER COLUMN total TYPE numeric"; else empty.
std::string retyped_table(const std::string& statement) {
  constexpr std::string_view kAlter = "ALTER TABLE ";
  const std::size_t column = statement.find(" ALTER COLUMN ");
  if (!statement.starts_with(kAlter) || column == std::string::npos ||
      statement.find(" TYPE ", column) == std::string::npos)
    return {};
  return statement.substr(kAlter.size(), column - kAlter.size());
}

/// A change of type throws the column's statistics away (PostgreSQL manual, sql-altertable: Notes):
/// one ANALYZE a changed table, last.
void add_analyze(std::vector<Batch>& batches, Seen& seen) {
  Batch batch;
  batch.phase = Phase::maintenance;
  batch.safety = Safety::online;
  for (const Batch& written : batches) {
    for (const Piece& piece : written.pieces) {
      for (const std::string& statement : piece.statements) {
        const std::string table = retyped_table(statement);
        std::string analyze = "ANALYZE " + table;
        if (table.empty() || !seen.add(analyze)) continue;
        batch.pieces.push_back({.finding = piece.finding,
                                .rule = piece.rule,
                                .statements = {std::move(analyze)},
                                .undo = {},
                                .left_out = {}});
      }
    }
  }
  if (!batch.pieces.empty()) batches.push_back(std::move(batch));
}

} // namespace

std::vector<Batch> plan_batches(const Report& report) {
  const RuleIndex index(report);
  Seen seen;
  Seen seen_undo;
  std::vector<Batch> batches;
  for (int phase = 0; phase <= static_cast<int>(Phase::maintenance); ++phase) {
    for (const auto& group : groups_of(report, static_cast<Phase>(phase))) {
      for (const auto& chunk : chunks_of(group))
        add_chunk(chunk, index, seen, seen_undo, batches);
    }
  }
  add_analyze(batches, seen);
  merge_settings(batches);
  std::erase_if(batches, [](const Batch& batch) {
    return std::ranges::all_of(batch.pieces,
                               [](const Piece& piece) { return piece.statements.empty(); });
  });
  return batches;
}

} // namespace pgkeep::findings
