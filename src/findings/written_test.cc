#include "findings/written.h"

#include <gtest/gtest.h>

#include "findings/render.h"
#include "findings/sample_report_test.h"

namespace pgkeep::findings {
namespace {

const Rule* rule_of(const Report& report, const Finding& finding) {
  return find_rule(report.rules, finding.rule);
}

TEST(WrittenTest, findings_written_one_by_one_are_those_of_the_report) {
  const Report kept = sample_report();
  ASSERT_GT(kept.findings.size(), 3U);
  Report written = sample_report();
  written.findings.clear();
  FindingWriter writer;
  for (const Finding& each : kept.findings)
    written.written.list.push_back(writer.write(each, rule_of(kept, each)));
  written.written.counts = summarize(kept);
  written.written.counts.passed = written.written.counts.skipped = 0;
  written.written.writers.push_back(std::move(writer)); // What was written stays where it is.
  EXPECT_EQ(render(written, Format::json), render(kept, Format::json));
}

TEST(WrittenTest, a_rule_that_the_report_does_not_list_has_no_area) {
  Report kept;
  kept.findings = {{.rule = "unheard-of", .severity = Severity::error, .object = "a"},
                   {.rule = "of-once", .severity = Severity::info, .object = "b"}};
  Report written;
  FindingWriter writer;
  for (const Finding& each : kept.findings)
    written.written.list.push_back(writer.write(each, nullptr));
  written.written.counts = summarize(kept);
  EXPECT_EQ(render(written, Format::json), render(kept, Format::json));
}

TEST(WrittenTest, each_finding_has_its_own_fix_where_it_differs_from_the_one_before) {
  Report kept = sample_report();
  const Finding sample = kept.findings.front();
  const Rule* const rule = rule_of(kept, sample);
  kept.findings.clear();
  const std::vector<std::optional<Fix>> fixes = {Fix{.note = "a"},
                                                 Fix{.note = "a"},
                                                 std::nullopt,
                                                 Fix{.note = "a"},
                                                 Fix{.sql = {"SELECT 1"}, .note = "a"},
                                                 Fix{.sql = {"SELECT 2"}, .note = "a"},
                                                 Fix{.safety = Safety::online, .note = "a"}};
  for (const Severity severity : {Severity::error, Severity::info}) {
    for (const auto& fix : fixes) {
      Finding& finding = kept.findings.emplace_back(sample);
      finding.severity = severity;
      finding.fix = fix;
    }
  }
  Report written = sample_report();
  written.findings.clear();
  FindingWriter writer;
  for (const Finding& each : kept.findings)
    written.written.list.push_back(writer.write(each, rule));
  written.written.counts = summarize(kept);
  written.written.counts.passed = written.written.counts.skipped = 0;
  EXPECT_EQ(render(written, Format::json), render(kept, Format::json));
}

TEST(WrittenTest, what_was_written_lasts_when_there_is_much_of_it) {
  FindingWriter writer;
  std::vector<const WrittenFinding*> all;
  std::vector<std::string> copies;
  const auto text_of = [](const WrittenFinding& written) {
    std::string text;
    for (const std::string_view part : written.parts)
      text += part;
    return text;
  };
  for (int i = 0; i < 2'000; ++i) {
    all.push_back(writer.write({.rule = "r", .object = std::string(i % 700, 'x')}, nullptr));
    copies.push_back(text_of(*all.back()));
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(text_of(*all[i]), copies[i]);
}

} // namespace
} // namespace pgkeep::findings
