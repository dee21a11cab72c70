// Workflow commands of GitHub Actions: one annotation a finding, worst first, as GitHub shows only
// the first ones of each kind. Source: GitHub docs, workflow commands; its toolkit's escapeData and
// escapeProperty.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kAnnotationsMax =
    200; // GitHub shows about ten of each kind for a step; the log keeps the rest.

/// Line breaks stay line breaks, as %0A; everything else that controls a terminal was made visible
/// before.
std::string escape_data(std::string text) {
  text = base::replace_all(std::move(text), "%", "%25");
  text = base::replace_all(std::move(text), "\r", "%0D");
  return base::replace_all(std::move(text), "\n", "%0A");
}

std::string escape_property(std::string_view text) {
  std::string escaped = escape_data(base::printable(text));
  escaped = base::replace_all(std::move(escaped), ":", "%3A");
  return base::replace_all(std::move(escaped), ",", "%2C");
}

std::string_view command_of(Severity severity) {
  if (severity == Severity::error) return "error";
  return severity == Severity::warning ? "warning" : "notice";
}

std::string annotation(const Finding& finding, const Rule* rule) {
  const std::string_view object =
      finding.object.empty() ? std::string_view("server") : std::string_view(finding.object);
  std::string message =
      fmt::format("{}: {}", base::printable(object), base::printable(finding.message));
  if (finding.fix && finding.fix->safety != Safety::manual && !finding.fix->sql.empty()) {
    message += fmt::format("\nFix ({}): {};", name_of(finding.fix->safety),
                           base::printable(finding.fix->sql.front()));
  } else if (finding.fix && !finding.fix->note.empty()) {
    message += fmt::format("\nBy hand: {}", base::printable(finding.fix->note));
  }
  const std::string_view file =
      finding.file.empty() ? std::string_view("pgkeep.toml") : std::string_view(finding.file);
  std::string place =
      fmt::format("file={},line={}", escape_property(file), std::max(finding.line, 1));
  if (finding.column > 0) place += fmt::format(",col={}", finding.column);
  const std::string title =
      rule == nullptr ? finding.rule : fmt::format("{} ({})", rule->title, finding.rule);
  return fmt::format("::{} {},title={}::{}\n", command_of(severity_of(finding, rule)), place,
                     escape_property(title), escape_data(message));
}

} // namespace

std::string render_github(const Report& report) {
  const RuleIndex index(report);
  std::vector<const Finding*> sorted;
  sorted.reserve(report.findings.size());
  for (const Finding& finding : report.findings)
    sorted.push_back(&finding);
  // Within a severity the report's order stays: the findings are elements of one vector.
  std::ranges::sort(sorted, {}, [&index](const Finding* finding) {
    const Severity severity = severity_of(*finding, index.find(finding->rule));
    return std::pair(-static_cast<int>(severity), finding);
  });
  std::string out;
  for (std::size_t i = 0; i < std::min(sorted.size(), kAnnotationsMax); ++i) {
    out += annotation(*sorted[i], index.find(sorted[i]->rule));
  }
  if (sorted.size() > kAnnotationsMax) {
    out += fmt::format(
        "::notice title=pgkeep::{} more findings are not shown here%0A--format json has them all\n",
        sorted.size() - kAnnotationsMax);
  }
  return out;
}

} // namespace pgkeep::findings
