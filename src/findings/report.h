/// What a judge returns: findings, what passed, what could not look; and the checklists. Renderers
/// read only this.
///
/// Thread-safety: a plain value.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "findings/finding.h"
#include "findings/rule.h"
#include "findings/written.h"

namespace pgkeep::findings {

struct Skipped {
  std::string rule;
  std::string reason;
};

/// A finding that pgkeep.toml or the baseline sets aside, with the reason given there.
struct SetAside {
  Finding finding;
  std::string reason;
};

/// One line of a going-live checklist.
enum class Answer : std::uint8_t { passed, failed, could_not_look };
std::string_view name_of(Answer answer) noexcept; ///< "passed", "failed", "could not look".
struct ChecklistItem {
  int number = 0;
  std::string text; ///< "Index on every foreign key".
  Answer answer = Answer::could_not_look;
  std::string evidence;           ///< Figures, or why it could not look.
  std::string command;            ///< The pgkeep command that does it; empty where none exists yet.
  std::vector<std::string> rules; ///< The rules it is answered by.
};
struct Checklist {
  std::string title; ///< "Going live".
  std::vector<ChecklistItem> items;
};

struct Summary {
  int error = 0;
  int warning = 0;
  int info = 0;
  int passed = 0;
  int skipped = 0;
};

/// In place of findings, where nobody asks for them but the report in JSON.
struct WrittenFindings {
  std::vector<const WrittenFinding*> list; ///< In the order of the report. Theirs who wrote them:
  std::vector<FindingWriter> writers;
  Summary counts; ///< By severity.
};

struct Report {
  base::Json target; ///< {"database":..., "host":..., "server_version":..., "taken_at":...}.
  std::string title; ///< "shop on /run/pgkeep:5432, PostgreSQL 15.18".
  std::vector<std::string> notes; ///< Shown under the title: age of the counters, limits that were
                                  ///< changed, sessions held open.
  std::vector<Checklist> checklists;
  std::vector<const Rule*> rules; ///< Every rule that was asked, in area order.
  std::vector<Finding>
      findings; ///< Worst first; within a severity by area, rule, object. `severity` is always set.
  WrittenFindings written; ///< Either these or `findings`.
  std::vector<std::string> passed;
  std::vector<Skipped> skipped;
  std::vector<SetAside> set_aside;
};
Summary summarize(const Report& report);
/// 0 to 100 for one area: 100 minus 25 per error, 8 per warning, 1 per info (a rule counts once),
/// never below 0; -1 where nothing could look.
int score_of(const Report& report, Area area);

/// What to leave out, from pgkeep.toml's [[audit.ignore]]: rule (or "*"), object (glob, default
/// "*"), reason (required).
struct Ignore {
  std::string rule;
  std::string object = "*";
  std::string reason;
  std::string where;
};
/// Moves ignored findings to set_aside. An ignore that matched nothing becomes a note.
void apply_ignores(Report& report, std::span<const Ignore> ignores);

/// Baseline file: {"pgkeep":"baseline/1","findings":[{"rule","object","fingerprint"}]}.
std::string write_baseline(const Report& report);
/// Moves findings that the baseline knows to set_aside. Errors: corrupt or foreign file.
base::Result<> apply_baseline(Report& report, std::string_view text, const std::string& path);

} // namespace pgkeep::findings
