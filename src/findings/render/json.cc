// The machine's report: findings/1 of the design. Members are only ever added; a reader ignores
// those it does not know.
#include "base/text.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

using base::Json;

Json fix_json(const Fix& fix) {
  return Json{{"safety", name_of(fix.safety)},
              {"phase", name_of(fix.phase)},
              {"sql", Json::list(fix.sql)},
              {"undo", Json::list(fix.undo)},
              {"note", fix.note}};
}

Json finding_json(const Finding& finding, const Rule* rule) {
  Json json{{"rule", finding.rule}};
  json.set("aliases", Json::list(rule == nullptr ? std::vector<std::string>()
                                                 : base::split_words(rule->aliases)));
  json.set("severity", name_of(severity_of(finding, rule)));
  json.set("area", rule == nullptr ? Json() : Json(name_of(rule->area)));
  json.set("object", finding.object);
  json.set("message", finding.message);
  json.set("evidence", finding.evidence.is_null() ? Json(Json::Object{}) : finding.evidence);
  if (finding.fix) json.set("fix", fix_json(*finding.fix));
  if (!finding.file.empty()) json.set("file", finding.file);
  if (finding.line > 0) json.set("line", finding.line);
  if (finding.column > 0) json.set("column", finding.column);
  json.set("fingerprint", fingerprint(finding));
  return json;
}

Json checklist_json(const Checklist& list) {
  Json::Array items;
  for (const ChecklistItem& item : list.items) {
    items.push_back(Json{{"number", item.number},
                         {"text", item.text},
                         {"answer", name_of(item.answer)},
                         {"evidence", item.evidence},
                         {"command", item.command},
                         {"rules", Json::list(item.rules)}});
  }
  return Json{{"title", list.title}, {"items", std::move(items)}};
}

Json summary_json(const Report& report) {
  const Summary summary = summarize(report);
  return Json{{"error", summary.error},
              {"warning", summary.warning},
              {"info", summary.info},
              {"passed", summary.passed},
              {"skipped", summary.skipped}};
}

} // namespace

std::string render_json(const Report& report) {
  const RuleIndex index(report);
  Json::Array findings;
  for (const Finding& finding : report.findings)
    findings.push_back(finding_json(finding, index.find(finding.rule)));
  Json::Array skipped;
  for (const Skipped& entry : report.skipped)
    skipped.push_back(Json{{"rule", entry.rule}, {"reason", entry.reason}});
  Json::Array checklists;
  for (const Checklist& list : report.checklists)
    checklists.push_back(checklist_json(list));
  Json::Array set_aside;
  for (const SetAside& aside : report.set_aside) {
    set_aside.push_back(
        Json{{"finding", finding_json(aside.finding, index.find(aside.finding.rule))},
             {"reason", aside.reason}});
  }
  Json json{{"pgkeep", "findings/1"},
            {"target", report.target.is_null() ? Json(Json::Object{}) : report.target}};
  json.set("summary", summary_json(report));
  json.set("findings", std::move(findings));
  json.set("passed", Json::list(report.passed));
  json.set("skipped", std::move(skipped));
  json.set("checklists", std::move(checklists));
  json.set("set_aside", std::move(set_aside));
  json.set("notes", Json::list(report.notes));
  return json.dump(true) + "\n";
}

} // namespace pgkeep::findings
