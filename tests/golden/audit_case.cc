#include "golden/audit_case.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "audit/audit.h"
#include "base/config.h"
#include "base/files.h"
#include "base/text.h"
#include "catalog/snapshot_file.h"

namespace pgkeep::test {
namespace {

namespace fs = std::filesystem;
using base::Json;

Json* member_of(Json& object, std::string_view name) {
  for (auto& [key, value] : *object.as_object()) {
    if (key == name) return &value;
  }
  return nullptr;
}

/// What says which thing an item is: the first of these groups of which the patch's item has the
/// last member; the others of the group count where the patch's item has them.
constexpr auto kIdentities = std::to_array<std::array<std::string_view, 4>>({
    {"", "", "", "oid"},
    {"", "", "", "pid"},
    {"relation", "role", "database", "name"},
});

bool same_item(const Json& item, const Json& patch) {
  for (const auto& identity : kIdentities) {
    if (patch.find(identity.back()) == nullptr) continue;
    return std::ranges::all_of(identity, [&](std::string_view name) {
      const Json* const wanted = patch.find(name);
      const Json* const found = item.find(name);
      return wanted == nullptr || (found != nullptr && *found == *wanted);
    });
  }
  return false;
}

void merge_array(Json::Array& target, const Json::Array& patch) {
  for (const Json& item : patch) {
    const auto found =
        item.as_object() == nullptr
            ? target.end()
            : std::ranges::find_if(target, [&](const Json& each) { return same_item(each, item); });
    if (found == target.end()) {
      target.push_back(item);
    } else {
      merge_patch(*found, item);
    }
  }
}

/// "present": ["host"], "absent": [{"fact": "hba", "reason": "..."}]: lists of names, not of
/// things.
void merge_sections(Json& target, const Json& patch) {
  Json& present = *member_of(target, "present");
  const auto names = [](const Json& json) {
    std::vector<std::string> all;
    if (json.as_array() == nullptr) return all;
    for (const Json& each : *json.as_array())
      all.push_back(each.to_text());
    return all;
  };
  std::vector<std::string> here = names(present);
  if (const Json* more = patch.find("present")) {
    for (std::string& name : names(*more))
      here.push_back(std::move(name));
  }
  if (const Json* gone = patch.find("absent"); gone != nullptr && gone->as_array() != nullptr) {
    for (const Json& each : *gone->as_array()) {
      const std::string name = each.find("fact")->to_text();
      std::erase(here, name);
      member_of(target, "absent")
          ->push(Json{{"fact", Json::list({name})}, {"reason", each.find("reason")->to_text()}});
    }
  }
  present = Json::list(here);
}

base::Result<Json> read_json(const fs::path& path) {
  PGKEEP_TRY(const std::string text, base::read_file(path));
  auto parsed = base::parse_json(text);
  if (!parsed) return base::with_where(std::move(parsed).error(), path.string());
  return parsed;
}

} // namespace

fs::path golden_directory() {
  return fs::path(PGKEEP_GOLDEN_DIR);
}

std::vector<AuditCase> audit_cases() {
  std::vector<AuditCase> cases;
  for (const fs::directory_entry& entry : fs::directory_iterator(golden_directory() / "audit")) {
    if (!entry.is_directory()) continue;
    AuditCase golden{.rule = entry.path().filename().string(), .folder = entry.path()};
    const auto has = [&](const char* name) { return fs::exists(golden.folder / name); };
    golden.has_json = has("flags.json") || has("leaves.json");
    golden.has_sql = has("flags.sql") || has("leaves.sql");
    for (const char* kind : {"flags", "leaves"}) {
      const std::string name = kind;
      if (!has((name + ".sql").c_str()) && !has((name + ".json").c_str()))
        golden.missing.push_back(name);
    }
    if (!has("expected.txt")) golden.missing.emplace_back("expected.txt");
    cases.push_back(std::move(golden));
  }
  std::ranges::sort(cases, {}, &AuditCase::rule);
  return cases;
}

void merge_patch(Json& target, const Json& patch) {
  const Json* const replacement = patch.find("$replace");
  if (replacement != nullptr) {
    target = *replacement;
  } else if (target.as_array() != nullptr && patch.as_array() != nullptr) {
    merge_array(*target.as_array(), *patch.as_array());
  } else if (target.as_object() != nullptr && patch.as_object() != nullptr) {
    for (const auto& [name, value] : *patch.as_object()) {
      if (Json* known = member_of(target, name)) {
        merge_patch(*known, value);
      } else {
        target.set(name, value);
      }
    }
  } else {
    target = patch;
  }
}

base::Result<catalog::Snapshot> patched_snapshot(const Json& patch, const std::string& name) {
  PGKEEP_TRY(Json snapshot, read_json(golden_directory() / "audit" / "base.json"));
  if (patch.as_object() != nullptr) {
    Json facts(Json::Object{});
    for (const auto& [key, value] : *patch.as_object()) {
      if (key != "present" && key != "absent") facts.set(key, value);
    }
    merge_patch(snapshot, facts);
    merge_sections(snapshot, patch);
  }
  return catalog::parse_snapshot(catalog::seal_snapshot(snapshot.dump()), name);
}

base::Result<findings::Limits> limits_of(const AuditCase& golden) {
  const fs::path path = golden.folder / "limits.toml";
  PGKEEP_TRY(const std::optional<std::string> text, base::read_file_if_exists(path));
  if (!text) return findings::limits_from(base::Config{});
  PGKEEP_TRY(const base::Config config,
             base::parse_config(*text, path, findings::limit_keys(), {}));
  return findings::limits_from(config);
}

base::Result<findings::Report> judge_one(const catalog::Snapshot& db, const std::string& rule,
                                         const findings::Limits& limits) {
  return audit::judge(db, {.limits = limits, .only = {rule}});
}

std::vector<std::string> finding_lines(const findings::Report& report) {
  std::vector<std::string> lines;
  for (const findings::Finding& each : report.findings) {
    lines.push_back(fmt::format("{} {} {}",
                                findings::name_of(each.severity.value_or(findings::Severity::info)),
                                each.object.empty() ? "-" : each.object,
                                each.fix ? findings::name_of(each.fix->safety) : "-"));
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> expected_lines(const AuditCase& golden) {
  std::vector<std::string> lines;
  const auto text = base::read_file(golden.folder / "expected.txt");
  if (!text) return lines;
  for (const std::string& line : base::split(*text, '\n')) {
    if (const std::string_view words = base::trim(line); !words.empty()) lines.emplace_back(words);
  }
  std::ranges::sort(lines);
  return lines;
}

void update_expected(const AuditCase& golden, const std::vector<std::string>& lines) {
  if (std::getenv("PGKEEP_UPDATE_GOLDEN") == nullptr) return;
  std::string text;
  for (const std::string& line : lines)
    text += line + "\n";
  if (auto done = base::write_file_durably(golden.folder / "expected.txt", text); !done) {
    std::fputs(fmt::format("{}\n", base::to_line(done.error())).c_str(), stderr);
  }
}

std::string skip_reasons(const findings::Report& report) {
  std::string reasons;
  for (const findings::Skipped& each : report.skipped) {
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", each.rule, each.reason);
  }
  return reasons;
}

std::vector<std::string> faults_of(const findings::Finding& finding) {
  std::vector<std::string> faults;
  const auto check = [&](bool is_good, std::string_view fault) {
    if (!is_good)
      faults.push_back(fmt::format("{}: {} ({})", finding.object, fault, finding.message));
  };
  check(!finding.message.empty(), "no message");
  check(!finding.message.ends_with('.'), "the message ends with a full stop");
  check(finding.message.find('\n') == std::string::npos, "the message has several lines");
  const Json::Object* const evidence = finding.evidence.as_object();
  check(evidence != nullptr && !evidence->empty(), "no evidence");
  check(finding.fix.has_value(), "no fix");
  if (!finding.fix) return faults;
  const bool is_manual = finding.fix->safety == findings::Safety::manual;
  check(!is_manual || !finding.fix->note.empty(), "manual, and no note says why");
  check(is_manual || !finding.fix->sql.empty(), "neither manual nor any SQL");
  for (const std::string& sql : finding.fix->sql) {
    check(!sql.empty() && !base::trim(sql).ends_with(';'),
          "a statement is empty or ends with a semicolon");
  }
  return faults;
}

} // namespace pgkeep::test
