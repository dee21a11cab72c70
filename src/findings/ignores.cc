#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "findings/lookup.h"
#include "findings/report.h"

namespace pgkeep::findings {
namespace {

/// Shell-like: * is any text (dots too, names hold them), ? is one byte. Linear in time: it goes
/// back to the last * only.
bool matches_glob(std::string_view text, std::string_view glob) {
  std::size_t t = 0;
  std::size_t g = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*')
    ++g;
  return g == glob.size();
}

bool names_rule(const std::string& named, const Finding& finding, const Rule* rule) {
  if (named == "*" || named == finding.rule) return true;
  if (rule == nullptr) return false;
  for (const std::string& alias : base::split_words(rule->aliases)) {
    if (alias == named) return true;
  }
  return false;
}

std::string unused_note(const Report& report, const Ignore& ignore) {
  const bool is_known = ignore.rule == "*" || find_rule(report.rules, ignore.rule) != nullptr;
  const std::string place = ignore.where.empty() ? std::string() : " at " + ignore.where;
  return fmt::format("the ignore of {} on {}{} matched nothing{}", ignore.rule, ignore.object,
                     place, is_known ? ": delete it" : ": no rule of this name was asked");
}

} // namespace

void apply_ignores(Report& report, std::span<const Ignore> ignores) {
  if (ignores.empty()) return;
  const RuleIndex index(report);
  std::vector<bool> used(ignores.size(), false);
  std::vector<Finding> kept;
  for (Finding& finding : report.findings) {
    const Rule* const rule = index.find(finding.rule);
    std::string reason;
    bool ignored = false;
    for (std::size_t i = 0; i < ignores.size(); ++i) {
      if (!names_rule(ignores[i].rule, finding, rule) ||
          !matches_glob(finding.object, ignores[i].object))
        continue;
      used[i] = true; // Every one that matches counts as used; the first one's reason is kept.
      if (!ignored) reason = ignores[i].reason;
      ignored = true;
    }
    if (ignored) {
      report.set_aside.push_back({std::move(finding), std::move(reason)});
    } else {
      kept.push_back(std::move(finding));
    }
  }
  report.findings = std::move(kept);
  for (std::size_t i = 0; i < ignores.size(); ++i) {
    if (!used[i]) report.notes.push_back(unused_note(report, ignores[i]));
  }
}

} // namespace pgkeep::findings
