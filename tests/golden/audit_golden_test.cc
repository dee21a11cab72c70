// Rules against edited snapshots, and the table of rules against its own promises. No server.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "audit/audit.h"
#include "base/files.h"
#include "base/text.h"
#include "golden/audit_case.h"

namespace pgkeep::test {
namespace {

std::vector<AuditCase> json_cases() {
  std::vector<AuditCase> cases = audit_cases();
  std::erase_if(cases, [](const AuditCase& each) { return !each.has_json; });
  return cases;
}

class AuditGoldenJson : public testing::TestWithParam<AuditCase> {
protected:
  /// Judges flags.json or leaves.json; `kind` empty judges the base itself.
  static findings::Report judge(const std::string& kind) {
    const AuditCase& golden = GetParam();
    base::Json patch;
    if (!kind.empty()) {
      const auto path = golden.folder / (kind + ".json");
      const auto text = base::read_file(path);
      EXPECT_TRUE(text) << path;
      if (!text) return {};
      auto parsed = base::parse_json(*text);
      EXPECT_TRUE(parsed) << path << ": " << base::to_line(parsed.error());
      if (!parsed) return {};
      patch = *std::move(parsed);
    }
    const auto limits = limits_of(golden);
    EXPECT_TRUE(limits) << base::to_line(limits.error());
    const auto db = patched_snapshot(patch, golden.rule + "/" + kind);
    EXPECT_TRUE(db) << base::to_line(db.error());
    if (!db || !limits) return {};
    auto report = judge_one(*db, golden.rule, *limits);
    EXPECT_TRUE(report) << base::to_line(report.error());
    return report ? *std::move(report) : findings::Report{};
  }
};

TEST_P(AuditGoldenJson, FlagsWhatIsWrong) {
  if (!std::filesystem::exists(GetParam().folder / "flags.json")) GTEST_SKIP() << "flags by SQL";
  const findings::Report report = judge("flags");
  update_expected(GetParam(), finding_lines(report));
  EXPECT_EQ(finding_lines(report), expected_lines(GetParam()))
      << "skipped: " << skip_reasons(report);
  for (const findings::Finding& finding : report.findings) {
    EXPECT_EQ(faults_of(finding), std::vector<std::string>{});
  }
}

TEST_P(AuditGoldenJson, LeavesWhatIsRight) {
  if (!std::filesystem::exists(GetParam().folder / "leaves.json")) GTEST_SKIP() << "leaves by SQL";
  const findings::Report report = judge("leaves");
  EXPECT_EQ(finding_lines(report), std::vector<std::string>{});
  EXPECT_EQ(report.passed, std::vector<std::string>{GetParam().rule})
      << "skipped: " << skip_reasons(report);
}

TEST_P(AuditGoldenJson, BaseIsHealthy) {
  const findings::Report report = judge("");
  EXPECT_EQ(finding_lines(report), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Rules, AuditGoldenJson, testing::ValuesIn(json_cases()),
                         [](const auto& each) {
                           return base::replace_all(each.param.rule, "-", "_");
                         });

bool is_kebab(std::string_view id) {
  return !id.empty() && id.front() != '-' && id.back() != '-' &&
         id.find("--") == std::string_view::npos && std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

TEST(AuditRules, RowsAreComplete) {
  for (const findings::Rule* rule : audit::all_rules()) {
    SCOPED_TRACE(rule->id);
    EXPECT_TRUE(is_kebab(rule->id));
    EXPECT_FALSE(rule->title.empty());
    EXPECT_FALSE(rule->title.ends_with('.'));
    EXPECT_FALSE(rule->why.empty());
    EXPECT_FALSE(rule->how.empty());
    EXPECT_FALSE(rule->source.empty());
    EXPECT_NE(rule->judge, nullptr);
    EXPECT_NE(rule->needs, catalog::Facts::none) << "a rule reads some section";
  }
}

TEST(AuditRules, NamesAreUnique) {
  std::map<std::string, std::string_view> owners;
  const auto claim = [&](std::string name, std::string_view rule) {
    const auto [at, is_new] = owners.emplace(std::move(name), rule);
    EXPECT_TRUE(is_new) << at->first << " names both " << at->second << " and " << rule;
  };
  for (const findings::Rule* rule : audit::all_rules()) {
    claim(std::string(rule->id), rule->id);
    for (std::string& alias : base::split_words(rule->aliases)) {
      EXPECT_TRUE(is_kebab(alias)) << alias;
      claim(std::move(alias), rule->id);
    }
  }
}

TEST(AuditRules, HaveBothGoldenCases) {
  std::map<std::string, AuditCase> cases;
  for (AuditCase& each : audit_cases())
    cases.emplace(each.rule, std::move(each));
  std::set<std::string> known;
  for (const findings::Rule* rule : audit::all_rules()) {
    const std::string id(rule->id);
    known.insert(id);
    const auto found = cases.find(id);
    if (found == cases.end()) {
      ADD_FAILURE() << "tests/golden/audit/" << id << " is missing; tools/new-rule writes it";
    } else {
      EXPECT_EQ(found->second.missing, std::vector<std::string>{}) << id;
    }
  }
  for (const auto& [id, golden] : cases) {
    EXPECT_TRUE(known.contains(id)) << "tests/golden/audit/" << id << " belongs to no rule";
  }
}

} // namespace
} // namespace pgkeep::test
