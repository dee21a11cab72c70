#include "findings/fix_readme.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "findings/lookup.h"

namespace pgkeep::findings {
namespace {

/// Readable as it stands in the file, and no markup: this page is read in an editor as often as it
/// is rendered.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : base::printable(text)) {
    if (std::string_view("\\`*[]<>|").find(c) != std::string_view::npos) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::size_t longest_backquotes(std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string code(std::string_view text) {
  const std::string shown = base::printable(text);
  const std::string fence(longest_backquotes(shown) + 1, '`');
  const bool pads = shown.starts_with('`') || shown.ends_with('`');
  return pads ? fmt::format("{} {} {}", fence, shown, fence)
              : fmt::format("{}{}{}", fence, shown, fence);
}

std::string code_block(const std::vector<std::string>& statements) {
  std::string sql;
  for (const std::string& statement : statements)
    sql += statement + ";\n";
  const std::string fence(std::max<std::size_t>(3, longest_backquotes(sql) + 1), '`');
  return fmt::format("{}sql\n{}{}\n", fence, sql, fence);
}

constexpr std::string_view kHowTo = R"(## How to apply

In the order of the numbers, each in its own session. Stop at the first one that fails: everything before it is done and stays.

```sh
for file in V*.sql; do
  case "$file" in *.down.sql) continue ;; esac
  psql "$DATABASE_URL" -X -v ON_ERROR_STOP=1 -f "$file" || break
done
```

Each file opens with the reason for it and with what it locks. A file whose name says `blocks_writes` or `blocks_all` makes the
application wait while it works: read it first, and choose the hour. The files end in `.down.sql` where they take one back; use them in
the reverse order. Afterwards run the audit again: what was mended is measured, not believed.

)";

std::string_view locks_of(const FixFile& file) {
  if (file.name.find("__blocks_all_") != std::string::npos) return "**blocks reads and writes**";
  if (file.name.find("__blocks_writes_") != std::string::npos) return "**blocks writes**";
  return "online";
}

std::string table_of(const std::vector<FixFile>& files) {
  std::string text = "## Files\n\n| file | while it works | rules |\n|---|---|---|\n";
  for (const FixFile& file : files) {
    std::vector<std::string> rules;
    rules.reserve(file.rules.size());
    for (const std::string& rule : file.rules)
      rules.push_back(plain(rule));
    text += fmt::format("| `{}` | {} | {} |\n", file.name, locks_of(file), base::join(rules, ", "));
  }
  return text + "\n";
}

bool is_by_hand(const Finding& finding) {
  return !finding.fix || finding.fix->safety == Safety::manual || finding.fix->sql.empty();
}

std::string by_hand(const RuleGroup& group) {
  std::string text;
  for (const Finding* finding : group.findings) {
    if (!is_by_hand(*finding)) continue;
    text += fmt::format("* {}: {}\n", code(finding->object.empty() ? "server" : finding->object),
                        plain(finding->message));
    if (!finding->fix) continue;
    if (!finding->fix->note.empty()) text += fmt::format("\n  {}\n\n", plain(finding->fix->note));
    if (!finding->fix->sql.empty()) text += "\n" + code_block(finding->fix->sql) + "\n";
  }
  if (text.empty()) return text;
  std::string opening = fmt::format("### {} ({})\n\n", plain(group.title()), plain(group.id));
  if (group.rule != nullptr)
    opening +=
        fmt::format("{}\n\nWhat to do: {}\n\n", plain(group.rule->why), plain(group.rule->how));
  return opening + text + "\n";
}

} // namespace

std::string fix_readme(const Report& report, const std::vector<FixFile>& files) {
  std::string manual;
  for (const AreaGroup& area : group_findings(report)) {
    for (const RuleGroup& group : area.rules)
      manual += by_hand(group);
  }
  if (files.empty() && manual.empty()) return {};
  std::string text = fmt::format("# Fixes for {}\n\n",
                                 plain(report.title.empty() ? "this database" : report.title));
  if (!files.empty()) text += std::string(kHowTo) + table_of(files);
  if (!manual.empty())
    text += "## By hand\n\nNo statement can do these, or none that is safe to write down without "
            "knowing more.\n\n" +
            manual;
  return text;
}

} // namespace pgkeep::findings
