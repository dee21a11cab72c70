// The machine's report: findings/1 of the design. Members are only ever added; a reader ignores
// those it does not know. There may be a hundred thousand findings: pieces of the list are made by
// several threads, and written in order as they are done.
#include <algorithm>
#include <deque>
#include <future>
#include <span>

#include "base/cores.h"
#include "base/text.h"
#include "findings/lookup.h"
#include "findings/render/json_finding.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

using base::Json;

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

/// Findings as they stand in the report, behind others.
std::string piece_of(const RuleIndex& index, std::span<const Finding> list) {
  base::JsonWriter out = writer_in_list();
  for (const Finding& finding : list)
    write_finding(out, finding, index.find(finding.rule));
  return out.take();
}

void write_findings(base::JsonWriter& out, const RuleIndex& index, std::span<const Finding> list,
                    base::FunctionRef<void(std::string_view)> write) {
  constexpr std::size_t kPiece = 2'000;
  const std::size_t first = std::min(kPiece, list.size());
  for (const Finding& finding : list.first(first))
    write_finding(out, finding, index.find(finding.rule));
  write(out.take());
  const auto at_once = static_cast<std::size_t>(base::allowed_cores());
  std::deque<std::future<std::string>> pieces;
  for (std::size_t at = first; at < list.size() || !pieces.empty();) {
    for (; at < list.size() && pieces.size() < at_once; at += kPiece)
      pieces.push_back(std::async(std::launch::async, piece_of, std::cref(index),
                                  list.subspan(at, std::min(kPiece, list.size() - at))));
    write(",");
    write(pieces.front().get());
    pieces.pop_front();
  }
}

/// Those that were written where they were found: they only need to follow each other.
void write_written(base::JsonWriter& out, std::span<const WrittenFinding* const> list,
                   base::FunctionRef<void(std::string_view)> write) {
  constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;
  for (const WrittenFinding* const each : list) {
    out.made(each->parts);
    if (out.written().size() < kPieceBytes) continue;
    write(out.written());
    out.forget();
  }
}

} // namespace

void render_json(const Report& report, base::FunctionRef<void(std::string_view)> write) {
  const RuleIndex index(report);
  base::JsonWriter out(true);
  out.begin_object();
  out.member("pgkeep", "findings/1");
  out.member("target", report.target.is_null() ? Json(Json::Object{}) : report.target);
  out.member("summary", summary_json(report));
  out.key("findings");
  out.begin_array();
  write_written(out, report.written.list, write);
  write_findings(out, index, report.findings, write);
  out.end_array();
  write_list(out, "passed", report.passed);
  out.key("skipped");
  out.begin_array();
  for (const Skipped& entry : report.skipped)
    out.value(Json{{"rule", entry.rule}, {"reason", entry.reason}});
  out.end_array();
  out.key("checklists");
  out.begin_array();
  for (const Checklist& list : report.checklists)
    out.value(checklist_json(list));
  out.end_array();
  out.key("set_aside");
  out.begin_array();
  for (const SetAside& aside : report.set_aside) {
    out.begin_object();
    out.key("finding");
    write_finding(out, aside.finding, index.find(aside.finding.rule));
    out.member("reason", aside.reason);
    out.end_object();
  }
  out.end_array();
  write_list(out, "notes", report.notes);
  out.end_object();
  write(out.take());
  write("\n");
}

} // namespace pgkeep::findings
