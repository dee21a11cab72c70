// Each line of a checklist names the rules that answer it and a look at the Snapshot for what no
// rule says. In this order: a finding fails it, then the look may; the look may leave it open, then
// a rule that could not look does; only what is left has passed, with figures.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "audit/checklist_figures.h"
#include "audit/families.h"
#include "base/text.h"

namespace pgkeep::audit {
namespace {

using catalog::Snapshot;
using findings::Answer;
using findings::Checklist;
using findings::ChecklistItem;
using findings::Finding;
using findings::Report;
using findings::Severity;

constexpr std::size_t kReasonColumns = 110;

struct Item {
  std::string_view text;
  std::string_view command = {}; ///< What does it today; empty where nothing does yet.
  std::string_view rules = {};   ///< Ids, space separated.
  /// Findings from this severity on fail it. Info where the line says "every", or where a stack of
  /// ours has its findings lowered (not_yet.h): what is missing has not passed.
  Severity fails_from = Severity::warning;
  Look (*look)(const Snapshot& db) = nullptr;
};

constexpr std::string_view kUp = "pgkeep up";
constexpr std::string_view kFix = "pgkeep audit --fix-out DIR";
constexpr std::string_view kCode = "pgkeep audit --code DIR";
constexpr std::string_view kBackupRules = "backup-age never-restored archive-failing";
constexpr std::string_view kPoolerRuleIds = "pooler-missing pooler-mode-unsafe pooler-waiting";

constexpr auto kGoingLive = std::to_array<Item>({
    {.text = "Migrations in source control, each with a way back",
     .command = kCode,
     .look = look_at_migrations},
    {.text = "Backups configured, and a restore tested",
     .rules = kBackupRules,
     .fails_from = Severity::info,
     .look = look_at_backups},
    {.text = "Monitoring with alerts on connections, disk and replication lag",
     .look = look_at_alerts},
    {.text = "A pooler in front",
     .rules = kPoolerRuleIds,
     .fails_from = Severity::info,
     .look = look_at_pooler},
    {.text = "Secrets in a manager, none in code or images",
     .command = kCode,
     .rules = "secrets-in-code secrets-in-catalog",
     .look = look_at_secrets},
    {.text = "A least-privilege role for each service",
     .command = kUp,
     .rules = "app-is-superuser role-attributes-dangerous app-owns-schema public-create "
              "public-table-grants",
     .look = look_at_roles},
    {.text = "A statement timeout for each role",
     .command = kFix,
     .rules = "statement-timeout-none",
     .look = look_at_timeouts},
    {.text = "An index on every foreign key",
     .command = kFix,
     .rules = "foreign-key-without-index",
     .fails_from = Severity::info,
     .look = look_at_foreign_keys},
    {.text = "Every hot query explained on realistic data", .look = look_at_plans},
    {.text = "Every query parameterised", .command = kCode, .look = look_at_parameters},
});

constexpr auto kProduction = std::to_array<Item>({
    {.text = "Automated backups and a monthly restore drill",
     .rules = kBackupRules,
     .fails_from = Severity::info,
     .look = look_at_backups},
    {.text = "Monitoring of connections, replication lag, disk and autovacuum",
     .look = look_at_monitoring},
    {.text = "Indexes driven by EXPLAIN",
     .command = kFix,
     .rules = "missing-index invalid-index duplicate-index redundant-index unused-index",
     .look = look_at_index_proof},
    {.text = "Secrets and TLS enforced",
     .command = kUp,
     .rules = "secrets-in-code secrets-in-catalog hba-trust hba-password-cleartext hba-no-tls "
              "ssl-off ssl-weak tls-unused",
     .look = look_at_tls},
    {.text = "A pooler",
     .rules = kPoolerRuleIds,
     .fails_from = Severity::info,
     .look = look_at_pooler},
    {.text = "Extensions pinned", .look = look_at_extensions},
});

constexpr auto kPrinciples = std::to_array<Item>({
    {.text = "Relationships explicit",
     .rules = "foreign-key-missing foreign-key-type-mismatch",
     .fails_from = Severity::info,
     .look = look_at_foreign_keys},
    {.text = "Constraints protect invariants",
     .command = kFix,
     .rules = "missing-primary-key constraint-not-valid trigger-disabled status-without-check "
              "check-missing-range",
     .look = look_at_constraints},
    {.text = "Indexes for known query paths",
     .command = kFix,
     .rules = "missing-index foreign-key-without-index invalid-index",
     .look = look_at_query_paths},
    {.text = "Migrations reviewed and reversible", .command = kCode, .look = look_at_migrations},
    {.text = "No long transactions in request paths",
     .command = kFix,
     .rules = "long-transaction idle-in-transaction idle-in-transaction-timeout-none",
     .look = look_at_transactions},
});

struct List {
  std::string_view title;
  std::span<const Item> items;
};
constexpr auto kLists = std::to_array<List>({
    {.title = "Going live", .items = kGoingLive},
    {.title = "Production", .items = kProduction},
    {.title = "Design principles", .items = kPrinciples},
});

/// The report by rule: twenty lines ask about a hundred thousand findings.
class Said {
public:
  explicit Said(const Report& report) {
    for (const findings::Rule* const rule : report.rules)
      asked_.insert(rule->id);
    for (const Finding& each : report.findings)
      findings_[each.rule].push_back(&each);
    for (const findings::Skipped& each : report.skipped)
      skipped_.try_emplace(each.rule, &each);
  }
  [[nodiscard]] std::span<const Finding* const> findings_of(std::string_view rule) const {
    const auto found = findings_.find(rule);
    if (found == findings_.end()) return {};
    return found->second;
  }
  /// Why the rule could not look; empty where it could.
  [[nodiscard]] std::string why_not(std::string_view rule) const {
    if (!asked_.contains(rule)) return "left out of this audit";
    const auto found = skipped_.find(rule);
    return found == skipped_.end() ? std::string() : found->second->reason;
  }

private:
  std::unordered_set<std::string_view> asked_;
  std::unordered_map<std::string_view, std::vector<const Finding*>> findings_;
  std::unordered_map<std::string_view, const findings::Skipped*> skipped_;
};

/// "3 findings, first public.posts.posts_author_id_fkey: no index on ..."; empty where none counts.
std::string failures(const Item& item, std::span<const std::string> rules, const Said& said) {
  std::int64_t count = 0;
  const Finding* first = nullptr;
  for (const std::string& rule : rules) {
    for (const Finding* const each : said.findings_of(rule)) {
      const Severity severity = each->severity.value_or(Severity::info);
      if (severity < item.fails_from) continue;
      ++count;
      if (first == nullptr || severity > first->severity.value_or(Severity::info)) first = each;
    }
  }
  if (first == nullptr) return {};
  const std::string where =
      first->object.empty() ? std::string() : base::printable(first->object) + ": ";
  const std::string what = where + base::printable(first->message);
  return count == 1 ? what : fmt::format("{} findings, first {}", count, what);
}

void answer(ChecklistItem& line, const Item& item, const Said& said, const Look& look) {
  const auto decide = [&](Answer answered, std::string_view evidence) {
    line.answer = answered;
    line.evidence = base::ellipsize(evidence, kReasonColumns * 2);
  };
  if (const std::string why = failures(item, line.rules, said); !why.empty())
    return decide(Answer::failed, why);
  if (look.answer == Answer::failed) return decide(Answer::failed, look.figures);
  if (look.answer == Answer::could_not_look) return decide(Answer::could_not_look, look.figures);
  for (const std::string& rule : line.rules) {
    if (const std::string why = said.why_not(rule); !why.empty()) {
      return decide(Answer::could_not_look,
                    fmt::format("{}: {}", rule, base::ellipsize(why, kReasonColumns)));
    }
  }
  if (look.figures.empty()) return decide(Answer::could_not_look, "there are no figures for it");
  decide(Answer::passed, look.figures);
}

} // namespace

std::vector<Checklist> answer_checklists(const Snapshot& db, const Report& report) {
  const Said said(report);
  std::vector<Checklist> lists;
  for (const List& list : kLists) {
    Checklist& made = lists.emplace_back();
    made.title = list.title;
    for (const Item& item : list.items) {
      ChecklistItem& line = made.items.emplace_back();
      line.number = static_cast<int>(made.items.size());
      line.text = item.text;
      line.command = item.command;
      line.rules = base::split_words(item.rules);
      answer(line, item, said, item.look(db));
    }
  }
  return lists;
}

} // namespace pgkeep::audit
