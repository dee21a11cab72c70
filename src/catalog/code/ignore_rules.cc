#include "catalog/code/ignore_rules.h"

#include <fnmatch.h>

#include "base/text.h"

namespace pgkeep::catalog::code {

namespace {
constexpr std::size_t kRulesMax = 5000;
}

void IgnoreRules::add(std::string_view folder, std::string_view text) {
  for (const std::string& line : base::split(text, '\n')) {
    std::string_view pattern = base::trim(line);
    if (pattern.empty() || pattern.starts_with('#') || rules_.size() >= kRulesMax) continue;
    Rule rule;
    rule.folder = folder;
    if (pattern.starts_with('!')) {
      rule.is_exception = true;
      pattern.remove_prefix(1);
    }
    if (pattern.ends_with("/**")) pattern.remove_suffix(2);
    if (pattern.ends_with('/')) {
      rule.only_folders = true;
      pattern.remove_suffix(1);
    }
    if (pattern.starts_with("**/") && pattern.find('/', 3) == std::string_view::npos) {
      pattern.remove_prefix(3); // "At any depth" is what a bare name says too.
    } else {
      rule.is_anchored = pattern.find('/') != std::string_view::npos;
    }
    if (pattern.starts_with('/')) pattern.remove_prefix(1);
    if (pattern.empty()) continue;
    rule.pattern = pattern;
    rules_.push_back(std::move(rule));
  }
}

bool IgnoreRules::is_ignored(const std::string& path, bool is_folder) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (!path.starts_with(rule->folder) || (rule->only_folders && !is_folder)) continue;
    const std::string below = path.substr(rule->folder.size());
    const std::string subject =
        rule->is_anchored ? below : below.substr(below.find_last_of('/') + 1);
    // ** crosses folders, which FNM_PATHNAME would forbid.
    const int flags = rule->pattern.find("**") == std::string::npos ? FNM_PATHNAME : 0;
    if (::fnmatch(rule->pattern.c_str(), subject.c_str(), flags) == 0) return !rule->is_exception;
  }
  return false;
}

} // namespace pgkeep::catalog::code
