// SARIF 2.1.0 for code scanning. A finding of a live database has no line of code: it is anchored
// at the first line of pgkeep.toml, where it can be ignored, and names its object as a logical
// location.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

using base::Json;

constexpr std::string_view kAnchor = "pgkeep.toml";
constexpr std::size_t kResultsMax =
    25'000; // GitHub refuses a run with more (GitHub docs, SARIF support for code scanning).

std::string_view level_of(Severity severity) {
  if (severity == Severity::error) return "error";
  return severity == Severity::warning ? "warning" : "note";
}

/// In a SARIF message [text](target) is a link: a name from a database must not become one.
std::string message_text(std::string_view text) {
  std::string shown = base::printable(text);
  return shown.find("](") == std::string::npos
             ? shown
             : base::replace_all(base::replace_all(shown, "[", "("), "]", ")");
}

/// A relative path as a URI reference.
std::string uri_of(std::string_view path) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string uri;
  for (const char c : path) {
    if (plain.find(c) != std::string_view::npos) {
      uri.push_back(c);
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

Json rule_json(const Rule& rule) {
  const std::string help =
      fmt::format("{}\n\nHow to fix: {}\n\nSource: {}", rule.why, rule.how, rule.source);
  const std::string markdown =
      fmt::format("{}\n\n**How to fix:** {}\n\n**Source:** {}", rule.why, rule.how, rule.source);
  Json json{{"id", rule.id},
            {"name", rule.id},
            {"shortDescription", Json{{"text", rule.title}}},
            {"fullDescription", Json{{"text", rule.why}}},
            {"help", Json{{"text", help}, {"markdown", markdown}}},
            {"defaultConfiguration", Json{{"level", level_of(rule.severity)}}},
            {"properties",
             Json{{"tags", Json::list({std::string(name_of(rule.area))})},
                  {"problem.severity",
                   rule.severity == Severity::info ? "recommendation" : name_of(rule.severity)}}}};
  const std::vector<std::string> aliases = base::split_words(rule.aliases);
  if (!aliases.empty()) json.set("deprecatedIds", Json::list(aliases));
  return json;
}

Json location_json(const Finding& finding) {
  Json region{{"startLine", std::max(finding.line, 1)}};
  if (finding.column > 0) region.set("startColumn", finding.column);
  const std::string uri = finding.file.empty() ? std::string(kAnchor) : uri_of(finding.file);
  Json location{{"physicalLocation",
                 Json{{"artifactLocation", Json{{"uri", uri}}}, {"region", std::move(region)}}}};
  const std::string object = finding.object.empty() ? "server" : base::printable(finding.object);
  location.set("logicalLocations",
               Json::Array{Json{{"fullyQualifiedName", object}, {"kind", "resource"}}});
  return location;
}

Json result_json(const Finding& finding, const RuleIndex& index,
                 const std::unordered_map<std::string_view, int>& places) {
  const Rule* const rule = index.find(finding.rule);
  Json json{{"ruleId", finding.rule}};
  if (const auto place = places.find(finding.rule); place != places.end())
    json.set("ruleIndex", place->second);
  json.set("level", level_of(severity_of(finding, rule)));
  const std::string subject =
      finding.object.empty() ? std::string() : message_text(finding.object) + ": ";
  json.set("message", Json{{"text", subject + message_text(finding.message)}});
  json.set("locations", Json::Array{location_json(finding)});
  // GitHub tells results of one rule on one line apart by primaryLocationLineHash alone.
  const std::string print = fingerprint(finding);
  json.set("partialFingerprints",
           Json{{"primaryLocationLineHash", print + ":1"}, {"pgkeep/v1", print}});
  Json properties{
      {"evidence", finding.evidence.is_null() ? Json(Json::Object{}) : finding.evidence}};
  if (finding.fix) {
    properties.set("fix", Json{{"safety", name_of(finding.fix->safety)},
                               {"sql", Json::list(finding.fix->sql)},
                               {"note", finding.fix->note}});
  }
  json.set("properties", std::move(properties));
  return json;
}

} // namespace

std::string render_sarif(const Report& report) {
  const RuleIndex index(report);
  std::unordered_map<std::string_view, int> places;
  Json::Array rules;
  for (const Rule* rule : report.rules) {
    places.emplace(rule->id, static_cast<int>(rules.size()));
    rules.push_back(rule_json(*rule));
  }
  Json::Array results;
  for (const Finding& finding : report.findings) {
    if (results.size() == kResultsMax) break;
    results.push_back(result_json(finding, index, places));
  }
  Json::Array notices;
  if (report.findings.size() > kResultsMax) {
    const std::string text = fmt::format("only the {} worst of {} findings are here", kResultsMax,
                                         report.findings.size());
    notices.push_back(Json{{"level", "warning"}, {"message", Json{{"text", text}}}});
  }
  for (const Skipped& skipped : report.skipped) {
    const std::string text =
        fmt::format("{} could not look: {}", skipped.rule, message_text(skipped.reason));
    notices.push_back(Json{{"level", "note"}, {"message", Json{{"text", text}}}});
  }
  Json driver{{"name", "pgkeep"}};
  driver.set("rules", std::move(rules));
  Json run{{"tool", Json{{"driver", std::move(driver)}}}, {"columnKind", "unicodeCodePoints"}};
  run.set("invocations", Json::Array{Json{{"executionSuccessful", true},
                                          {"toolExecutionNotifications", std::move(notices)}}});
  run.set("results", std::move(results));
  const Json json{{"$schema", "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                              "sarif-schema-2.1.0.json"},
                  {"version", "2.1.0"},
                  {"runs", Json::Array{std::move(run)}}};
  return json.dump(true) + "\n";
}

} // namespace pgkeep::findings
