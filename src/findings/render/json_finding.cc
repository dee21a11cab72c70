#include "findings/render/json_finding.h"

#include "base/text.h"
#include "findings/lookup.h"

namespace pgkeep::findings {
namespace {

using base::Json;

/// Without a copy of the text.
void write_text(base::JsonWriter& out, std::string_view name, std::string_view text) {
  out.key(name);
  out.text(text);
}

} // namespace

base::JsonWriter writer_in_list() {
  base::JsonWriter out(true);
  out.begin_object(); // To where the list is open; what that writes is not of the piece.
  out.key("findings");
  out.begin_array();
  out.forget();
  return out;
}

void write_list(base::JsonWriter& out, std::string_view name,
                const std::vector<std::string>& list) {
  out.key(name);
  out.begin_array();
  for (const std::string& item : list)
    out.text(item);
  out.end_array();
}

void begin_finding(base::JsonWriter& out, std::string_view id, Severity severity,
                   const Rule* rule) {
  out.begin_object();
  write_text(out, "rule", id);
  const bool has_aliases = rule != nullptr && !rule->aliases.empty();
  write_list(out, "aliases",
             has_aliases ? base::split_words(rule->aliases) : std::vector<std::string>());
  write_text(out, "severity", name_of(severity));
  if (rule == nullptr) {
    out.member("area", Json());
  } else {
    write_text(out, "area", name_of(rule->area));
  }
}

void write_what(base::JsonWriter& out, const Finding& finding) {
  write_text(out, "object", finding.object);
  write_text(out, "message", finding.message);
  out.key("evidence");
  if (finding.evidence.is_null()) {
    out.begin_object();
    out.end_object();
  } else {
    out.value(finding.evidence);
  }
}

void write_fix(base::JsonWriter& out, const Fix& fix) {
  out.key("fix");
  out.begin_object();
  write_text(out, "safety", name_of(fix.safety));
  write_text(out, "phase", name_of(fix.phase));
  write_list(out, "sql", fix.sql);
  write_list(out, "undo", fix.undo);
  write_text(out, "note", fix.note);
  out.end_object();
}

void end_finding(base::JsonWriter& out, const Finding& finding) {
  if (!finding.file.empty()) write_text(out, "file", finding.file);
  if (finding.line > 0) out.member("line", finding.line);
  if (finding.column > 0) out.member("column", finding.column);
  write_text(out, "fingerprint", fingerprint(finding));
  out.end_object();
}

void write_finding(base::JsonWriter& out, const Finding& finding, const Rule* rule) {
  begin_finding(out, finding.rule, severity_of(finding, rule), rule);
  write_what(out, finding);
  if (finding.fix) write_fix(out, *finding.fix);
  end_finding(out, finding);
}

} // namespace pgkeep::findings
