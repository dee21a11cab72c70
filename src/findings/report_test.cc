#include "findings/report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "findings/lookup.h"
#include "findings/sample_report_test.h"

namespace pgkeep::findings {
namespace {

const Finding* find_object(const Report& report, std::string_view object) {
  for (const Finding& finding : report.findings) {
    if (finding.object == object) return &finding;
  }
  return nullptr;
}

bool has_note(const Report& report, std::string_view part) {
  for (const std::string& note : report.notes) {
    if (note.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(Finding, FingerprintIsOfRuleAndObjectOnly) {
  Finding one;
  one.rule = "no-primary-key";
  one.object = "public.users";
  one.message = "12 rows";
  Finding other = one;
  other.message = "13 rows";
  other.severity = Severity::error;
  other.line = 7;
  EXPECT_EQ(fingerprint(one), fingerprint(other));
  EXPECT_EQ(fingerprint(one).size(), 16U);
  EXPECT_EQ(fingerprint(one).find_first_not_of("0123456789abcdef"), std::string::npos);
  other.object = "public.orders";
  EXPECT_NE(fingerprint(one), fingerprint(other));
  // The border between rule and object counts.
  Finding shifted;
  shifted.rule = "no-primary-keypublic";
  shifted.object = ".users";
  EXPECT_NE(fingerprint(one), fingerprint(shifted));
}

TEST(Finding, FingerprintsStayTheSameForEver) {
  // Baselines in other people's repositories hold these. The value is
  // sha256("no-primary-key\0public.users") cut to 16 digits.
  Finding one;
  one.rule = "no-primary-key";
  one.object = "public.users";
  EXPECT_EQ(fingerprint(one), "20e2c6e86243b5ed");
}

TEST(RuleRow, IsFoundByIdAndAlias) {
  const Report report = clean_report();
  ASSERT_NE(find_rule(report.rules, "fk-without-index"), nullptr);
  EXPECT_EQ(find_rule(report.rules, "fk-without-index")->id, "foreign-key-without-index");
  EXPECT_EQ(find_rule(report.rules, "fsync-off")->id, "fsync-off");
  EXPECT_EQ(find_rule(report.rules, "fsync"), nullptr);
  EXPECT_EQ(find_rule(report.rules, ""), nullptr);
}

TEST(RuleRow, EveryAreaHasItsOwnNameAndTitle) {
  std::vector<std::string_view> names;
  for (int i = 0; i < kAreaCount; ++i) {
    names.push_back(name_of(static_cast<Area>(i)));
    EXPECT_FALSE(title_of(static_cast<Area>(i)).empty());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

TEST(Sink, FillsRuleAndSeverity) {
  const Report report = clean_report();
  const Rule* const rule = find_rule(report.rules, "fsync-off");
  Sink sink(*rule);
  sink.add(Finding{});
  Finding info;
  info.severity = Severity::info;
  sink.add(info);
  sink.skip("no right");
  ASSERT_EQ(sink.found().size(), 2U);
  EXPECT_EQ(sink.found()[0].rule, "fsync-off");
  EXPECT_EQ(sink.found()[0].severity, Severity::error);
  EXPECT_EQ(sink.found()[1].severity, Severity::info);
  EXPECT_EQ(sink.skipped(), std::vector<std::string>{"no right"});
}

TEST(ReportSummary, SummaryCounts) {
  const Summary summary = summarize(sample_report());
  EXPECT_EQ(summary.error, 4);
  EXPECT_EQ(summary.warning, 15);
  EXPECT_EQ(summary.info, 2);
  EXPECT_EQ(summary.passed, 1);
  EXPECT_EQ(summary.skipped, 3);
}

TEST(Score, CountsARuleOnceAtItsWorst) {
  const Report report = sample_report();
  // foreign-key-without-index has one error and five warnings: 25. constraint-not-valid and
  // no-primary-key: 8 each.
  EXPECT_EQ(score_of(report, Area::schema), 100 - 25 - 8 - 8);
  EXPECT_EQ(score_of(report, Area::types), 100 - 8 - 1);
  EXPECT_EQ(score_of(report, Area::roles), 100 - 25 - 8);
}

TEST(Score, IsMinusOneWhereNothingCouldLook) {
  const Report report = sample_report();
  EXPECT_EQ(score_of(report, Area::replication), -1) << "its only rule was skipped";
  EXPECT_EQ(score_of(report, Area::queries), -1) << "no rule was asked";
  EXPECT_EQ(score_of(report, Area::authentication), 100) << "what is set aside was looked at";
  Report partly = sample_report();
  partly.skipped.push_back({"ssl-off", "half of it needs another right"});
  EXPECT_EQ(score_of(partly, Area::authentication), 100)
      << "it looked, and what it saw was set aside";
}

TEST(Score, NeverFallsBelowZero) {
  Report report = clean_report();
  for (const Rule* rule : report.rules) {
    Finding finding;
    finding.rule = std::string(rule->id);
    finding.severity = Severity::error;
    report.findings.push_back(finding);
  }
  EXPECT_EQ(score_of(report, Area::configuration), 25);
  static constexpr Rule kMany[] = {
      {.id = "a", .title = "a", .why = "a", .how = "a", .source = "a"},
      {.id = "b", .title = "a", .why = "a", .how = "a", .source = "a"},
      {.id = "c", .title = "a", .why = "a", .how = "a", .source = "a"},
      {.id = "d", .title = "a", .why = "a", .how = "a", .source = "a"},
      {.id = "e", .title = "a", .why = "a", .how = "a", .source = "a"}};
  Report bad;
  for (const Rule& rule : kMany) {
    bad.rules.push_back(&rule);
    Finding finding;
    finding.rule = std::string(rule.id);
    finding.severity = Severity::error;
    bad.findings.push_back(finding);
  }
  EXPECT_EQ(score_of(bad, Area::schema), 0);
}

TEST(Score, OverallLeansOnTheWeakestArea) {
  EXPECT_EQ(overall_score(clean_report()), 100);
  const int overall = overall_score(sample_report());
  EXPECT_GT(overall, score_of(sample_report(), Area::schema));
  EXPECT_LT(overall, 80);
  EXPECT_EQ(overall_score(Report{}), -1);
}

TEST(Groups, WorstAreaAndRuleFirst) {
  const Report report = sample_report();
  const std::vector<AreaGroup> areas = group_findings(report);
  ASSERT_FALSE(areas.empty());
  EXPECT_EQ(areas.front().area, Area::schema);
  EXPECT_EQ(areas.front().rules.front().id, "foreign-key-without-index");
  EXPECT_EQ(areas.front().rules.front().findings.front()->object, "public.orders.user_id");
  bool saw_area_without_error = false;
  std::size_t findings = 0;
  for (const AreaGroup& area : areas) {
    if (area.counts.error == 0) saw_area_without_error = true;
    EXPECT_FALSE(area.counts.error > 0 && saw_area_without_error) << title_of(area.area);
    for (const RuleGroup& group : area.rules)
      findings += group.findings.size();
  }
  EXPECT_EQ(findings, report.findings.size());
}

struct IgnoreCase {
  const char* name;
  const char* rule;
  const char* object;
  const char* probe;
  bool is_ignored;
};

class Ignores : public testing::TestWithParam<IgnoreCase> {};

TEST_P(Ignores, MatchRuleAndObject) {
  const IgnoreCase& param = GetParam();
  Report report = sample_report();
  const std::size_t before = report.findings.size() + report.set_aside.size();
  const Ignore ignore{
      .rule = param.rule, .object = param.object, .reason = "we know", .where = "pgkeep.toml:3:1"};
  apply_ignores(report, {&ignore, 1});
  EXPECT_EQ(find_object(report, param.probe) == nullptr, param.is_ignored);
  EXPECT_EQ(report.findings.size() + report.set_aside.size(), before);
  if (param.is_ignored) {
    EXPECT_EQ(report.set_aside.back().reason, "we know");
    EXPECT_FALSE(has_note(report, "pgkeep.toml:3:1"));
  } else {
    EXPECT_TRUE(has_note(report, "pgkeep.toml:3:1")) << "an ignore that hides nothing is reported";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Ignores,
    testing::Values(IgnoreCase{"exact", "foreign-key-without-index", "public.orders.user_id",
                               "public.orders.user_id", true},
                    IgnoreCase{"alias", "fk-without-index", "*", "public.jobs.user_id", true},
                    IgnoreCase{"any_rule", "*", "public.jobs.*", "public.jobs.user_id", true},
                    IgnoreCase{"question_mark", "foreign-key-without-index", "public.job?.user_id",
                               "public.jobs.user_id", true},
                    IgnoreCase{"middle", "foreign-key-without-index", "*jobs*id",
                               "public.jobs.user_id", true},
                    IgnoreCase{"prefix_is_not_enough", "foreign-key-without-index", "public.jobs",
                               "public.jobs.user_id", false},
                    IgnoreCase{"other_rule", "replica-lag", "*", "public.jobs.user_id", false},
                    IgnoreCase{"unknown_rule", "no-such-rule", "*", "public.jobs.user_id", false},
                    IgnoreCase{"case_counts", "foreign-key-without-index", "PUBLIC.jobs.*",
                               "public.jobs.user_id", false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(IgnoreGlob, ManyStarsStayFast) {
  Report report = sample_report();
  report.findings.front().object = std::string(50'000, 'a');
  const Ignore ignore{.rule = "*", .object = "*a*a*a*a*a*a*a*a*b", .reason = "r", .where = "w"};
  apply_ignores(report, {&ignore, 1});
  EXPECT_EQ(summarize(report).error, 4);
}

TEST(Baseline, HidesWhatItKnowsAndNothingElse) {
  const Report before = sample_report();
  const std::string file = write_baseline(before);
  Report after = sample_report();
  Finding fresh;
  fresh.rule = "fsync-off";
  fresh.object = "setting full_page_writes";
  fresh.severity = Severity::error;
  after.findings.push_back(fresh);
  ASSERT_TRUE(apply_baseline(after, file, "base.json").has_value());
  ASSERT_EQ(after.findings.size(), 1U);
  EXPECT_EQ(after.findings.front().object, "setting full_page_writes");
  EXPECT_EQ(after.set_aside.size(), before.findings.size() + before.set_aside.size());
  EXPECT_NE(after.set_aside.back().reason.find("base.json"), std::string::npos);
}

TEST(Baseline, WrittenAgainKeepsWhatItKnewButNotWhatIgnoresHide) {
  Report report = sample_report();
  const std::string first = write_baseline(report);
  ASSERT_TRUE(apply_baseline(report, first, "base.json").has_value());
  const std::string second = write_baseline(report);
  EXPECT_NE(second.find(fingerprint(sample_report().findings.front())), std::string::npos);
  EXPECT_EQ(second.find(fingerprint(sample_report().set_aside.front().finding)), std::string::npos);
}

struct BadBaseline {
  const char* name;
  const char* text;
  base::Code code;
  const char* what;
};

class BadBaselines : public testing::TestWithParam<BadBaseline> {};

TEST_P(BadBaselines, AreRefusedAndChangeNothing) {
  Report report = sample_report();
  const auto result = apply_baseline(report, GetParam().text, "dir/base.json");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, GetParam().code);
  EXPECT_EQ(result.error().where.rfind("dir/base.json", 0), 0U) << result.error().where;
  EXPECT_NE(base::to_line(result.error()).find(GetParam().what), std::string::npos)
      << base::to_line(result.error());
  EXPECT_EQ(report.findings.size(), sample_report().findings.size());
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadBaselines,
    testing::Values(BadBaseline{"truncated", R"({"pgkeep":"baseline/1","findings":[)",
                                base::Code::corrupt, "base.json"},
                    BadBaseline{"empty", "", base::Code::corrupt, "base.json"},
                    BadBaseline{"foreign", R"({"name":"package","version":"1"})",
                                base::Code::corrupt, "no baseline"},
                    BadBaseline{"report", R"({"pgkeep":"findings/1","findings":[]})",
                                base::Code::corrupt, "not a baseline"},
                    BadBaseline{"newer", R"({"pgkeep":"baseline/2","findings":[]})",
                                base::Code::unsupported, "newer"},
                    BadBaseline{"no_list", R"({"pgkeep":"baseline/1"})", base::Code::corrupt,
                                "no list"},
                    BadBaseline{"bad_entry", R"({"pgkeep":"baseline/1","findings":[{"rule":"x"}]})",
                                base::Code::corrupt, "finding 1"}),
    [](const auto& one) { return std::string(one.param.name); });

} // namespace
} // namespace pgkeep::findings
