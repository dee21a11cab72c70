// Choose the rules, ask each, sort what they say. A rule's row decides whether it is
// asked (version, sections, age of the counters); the judge itself only reads.
#include "audit/audit.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include "audit/families.h"
#include "audit/not_yet.h"
#include "audit/report_head.h"
#include "base/cores.h"
#include "base/text.h"
#include "base/units.h"
#include "postgres/quote.h"

namespace pgkeep::audit {
namespace {

using catalog::Facts;
using catalog::Snapshot;
using findings::Area;
using findings::Finding;
using findings::Report;
using findings::Rule;
using findings::Severity;
using findings::Sink;

constexpr std::size_t kColumnsOfOneThread = 5'000;

/// Sections that differ from database to database of one server.
constexpr Facts kInsideDatabase =
    Facts::schemas | Facts::relations | Facts::table_stats | Facts::columns | Facts::column_stats |
    Facts::constraints | Facts::indexes | Facts::index_stats | Facts::sequences |
    Facts::sequence_maxima | Facts::triggers | Facts::functions | Facts::policies |
    Facts::extensions | Facts::languages | Facts::publications | Facts::default_privileges |
    Facts::large_objects | Facts::statements | Facts::collations | Facts::types;

std::vector<const Rule*> collect_rules() {
  // The one list of families. The order within an area is the order here.
  const auto families = std::to_array<std::span<const Rule>>({
      key_rules,        foreign_key_rules, constraint_rules, sequence_rules,     type_rules,
      partition_rules,  index_rules,       index_use_rules,  query_rules,        lock_rules,
      wraparound_rules, vacuum_rules,      bloat_rules,      statistics_rules,   durability_rules,
      version_rules,    memory_rules,      planner_rules,    logging_rules,      connection_rules,
      timeout_rules,    pooler_rules,      slot_rules,       replication_rules,  archiving_rules,
      role_rules,       privilege_rules,   function_rules,   row_security_rules, password_rules,
      hba_rules,        tls_rules,         secret_rules,     extension_rules,    capacity_rules,
      host_rules,
  });
  std::vector<const Rule*> rules;
  for (const std::span<const Rule> family : families) {
    for (const Rule& rule : family)
      rules.push_back(&rule);
  }
  std::ranges::stable_sort(rules, {}, [](const Rule* rule) { return rule->area; });
  return rules;
}

std::optional<Area> find_area(std::string_view name) {
  for (int i = 0; i < findings::kAreaCount; ++i) {
    const auto area = static_cast<Area>(i);
    if (name_of(area) == name) return area;
  }
  return std::nullopt;
}

/// What --only or --skip names.
class Selection {
public:
  static base::Result<Selection> make(const std::vector<std::string>& words) {
    Selection selection;
    for (const std::string& word : words) {
      const std::string name = base::to_lower(word);
      if (const auto area = find_area(name)) {
        selection.areas_[static_cast<std::size_t>(*area)] = true;
      } else if (const Rule* rule = findings::find_rule(all_rules(), name)) {
        selection.rules_.push_back(rule);
      } else {
        return unknown(word);
      }
    }
    return selection;
  }
  [[nodiscard]] bool holds(const Rule& rule) const {
    return areas_[static_cast<std::size_t>(rule.area)] ||
           std::ranges::find(rules_, &rule) != rules_.end();
  }

private:
  static base::Error unknown(const std::string& word) {
    std::vector<std::string_view> known;
    known.reserve(findings::kAreaCount + all_rules().size());
    for (int i = 0; i < findings::kAreaCount; ++i)
      known.push_back(name_of(static_cast<Area>(i)));
    std::vector<std::string> aliases; // Own the words that `known` looks at.
    for (const Rule* rule : all_rules()) {
      known.push_back(rule->id);
      for (std::string& alias : base::split_words(rule->aliases))
        aliases.push_back(std::move(alias));
    }
    known.insert(known.end(), aliases.begin(), aliases.end());
    const std::optional<std::string> nearest = base::nearest(word, known);
    return {.code = base::Code::usage,
            .what = fmt::format("no rule or area is called \"{}\"", word),
            .expected = nearest ? fmt::format("perhaps {}", *nearest)
                                : "the id of a rule or the name of an area",
            .hint = "`pgkeep audit --list` shows them all."};
  }

  std::array<bool, findings::kAreaCount> areas_{};
  std::vector<const Rule*> rules_;
};

/// Why a rule cannot be asked at all; empty = ask it.
std::string why_not_asked(const Rule& rule, const Snapshot& db, const findings::Limits& limits) {
  const int major = db.server.version / 10'000;
  if (major < rule.version_min) {
    return fmt::format("needs PostgreSQL {}, the server is {}", rule.version_min, major);
  }
  if (std::string reason = db.why_absent(rule.needs); !reason.empty()) return reason;
  const double needed_s = std::chrono::duration<double>(limits.counters_age).count();
  if (rule.counts_rates && db.counters_age_s() < needed_s) {
    return fmt::format("counters are only {} old, rates need {}; set audit.limits.counters-age",
                       counters_age_text(db), base::human_duration(limits.counters_age));
  }
  return {};
}

bool is_not_yet(const Rule& rule, const Snapshot& db) {
  return catalog::setting_text(db, "cluster_name") == kStackClusterName &&
         std::ranges::find(kNotYet, rule.id) != kNotYet.end();
}

Sink ask(const Rule& rule, const Snapshot& db, const findings::Limits& limits) {
  Sink sink(rule);
  if (std::string reason = why_not_asked(rule, db, limits); !reason.empty()) {
    sink.skip(std::move(reason));
  } else {
    rule.judge(db, limits, sink);
  }
  return sink;
}

/// Asks the rules on all cores: each only reads the snapshot, and writes to a sink of its own.
std::vector<Sink> ask_all(std::span<const Rule* const> rules, const Snapshot& db,
                          const findings::Limits& limits) {
  std::vector<std::optional<Sink>> answers(rules.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < rules.size(); i = next++)
      answers[i] = ask(*rules[i], db, limits);
  };
  // Starting threads costs more than asking small databases.
  const bool is_large = db.columns.size() > kColumnsOfOneThread;
  std::vector<std::future<void>> helpers;
  for (int i = 1; is_large && i < base::allowed_cores(); ++i)
    helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers)
    helper.get();
  std::vector<Sink> sinks;
  sinks.reserve(answers.size());
  for (std::optional<Sink>& answer : answers)
    sinks.push_back(*std::move(answer));
  return sinks;
}

void add_to(Report& report, Sink& sink, const Snapshot& db) {
  const Rule& rule = sink.rule();
  for (const std::string& reason : sink.skipped()) {
    report.skipped.push_back({std::string(rule.id), reason});
  }
  if (sink.found().empty() && sink.skipped().empty()) report.passed.emplace_back(rule.id);
  for (Finding& finding : sink.found()) {
    if (!finding.severity) finding.severity = rule.severity;
    if (is_not_yet(rule, db)) finding.severity = Severity::info;
    report.findings.push_back(std::move(finding));
  }
}

/// Worst first; within a severity by the rules' order (which is by area), then by object.
void sort_findings(Report& report) {
  std::unordered_map<std::string_view, std::size_t> order;
  for (const Rule* rule : report.rules)
    order.emplace(rule->id, order.size());
  // Places are sorted, for a finding is large and there may be a hundred thousand.
  struct Place {
    Finding* finding;
    std::size_t rule;
  };
  std::vector<Place> places;
  places.reserve(report.findings.size());
  for (Finding& finding : report.findings)
    places.push_back({&finding, order[finding.rule]});
  std::ranges::stable_sort(places, [](const Place& a, const Place& b) {
    if (a.finding->severity != b.finding->severity)
      return a.finding->severity > b.finding->severity;
    return a.rule != b.rule ? a.rule < b.rule : a.finding->object < b.finding->object;
  });
  std::vector<Finding> sorted;
  sorted.reserve(places.size());
  for (const Place& place : places)
    sorted.push_back(std::move(*place.finding));
  report.findings = std::move(sorted);
}

base::Result<std::vector<const Rule*>> selected_rules(const Options& options) {
  PGKEEP_TRY(const Selection only, Selection::make(options.only));
  PGKEEP_TRY(const Selection skip, Selection::make(options.skip));
  std::vector<const Rule*> rules;
  for (const Rule* rule : all_rules()) {
    if ((options.only.empty() || only.holds(*rule)) && !skip.holds(*rule)) rules.push_back(rule);
  }
  return rules;
}

} // namespace

std::span<const Rule* const> all_rules() {
  static const std::vector<const Rule*> rules = collect_rules();
  return rules;
}

base::Result<> check_selection(const Options& options) {
  PGKEEP_CHECK(Selection::make(options.only));
  PGKEEP_CHECK(Selection::make(options.skip));
  return {};
}

base::Result<Report> judge(const Snapshot& db, const Options& options) {
  PGKEEP_TRY(const std::vector<const Rule*> rules, selected_rules(options));
  Report report;
  fill_head(report, db, options.limits);
  report.rules = rules;
  for (Sink& sink : ask_all(rules, db, options.limits))
    add_to(report, sink, db);
  sort_findings(report);
  report.checklists = answer_checklists(db, report);
  return report;
}

base::Result<> add_database(Report& report, const Snapshot& first, const Snapshot& other,
                            const Options& options) {
  PGKEEP_TRY(std::vector<const Rule*> rules, selected_rules(options));
  std::erase_if(rules,
                [](const Rule* rule) { return (rule->needs & kInsideDatabase) == Facts::none; });
  const std::string& name = other.server.database;
  for (Sink& sink : ask_all(rules, other, options.limits)) {
    if (sink.found().empty() && sink.skipped().empty()) continue;
    std::erase(report.passed, sink.rule().id);
    Report own;
    add_to(own, sink, other);
    for (Finding& finding : own.findings) {
      finding.object = fmt::format("{}: {}", postgres::quote_identifier(name), finding.object);
      if (finding.fix)
        finding.fix->note = base::trim(fmt::format("In database {}. {}", name, finding.fix->note));
      report.findings.push_back(std::move(finding));
    }
    for (findings::Skipped& skipped : own.skipped)
      report.skipped.push_back({skipped.rule, fmt::format("{}: {}", name, skipped.reason)});
  }
  sort_findings(report);
  report.checklists = answer_checklists(first, report);
  return {};
}

} // namespace pgkeep::audit
