#include "findings/render.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "findings/sample_report_test.h"

namespace pgkeep::findings {
namespace {

using base::Json;

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::size_t times(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

/// Any byte below a space but the line break, or DEL.
bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == '\x7f';
  });
}

std::string text_of(const Json* json) {
  return json == nullptr || json->as_string() == nullptr ? "(none)" : *json->as_string();
}

Json parsed(const std::string& text) {
  auto json = base::parse_json(text);
  EXPECT_TRUE(json.has_value()) << base::to_line(json.error());
  return json ? *json : Json();
}

/// Enough of an XML reader to know that tags are balanced, attributes quoted and nothing is left
/// unescaped.
void expect_well_formed(std::string_view xml) {
  std::vector<std::string> open;
  std::size_t at = 0;
  while (at < xml.size()) {
    const std::size_t start = xml.find('<', at);
    const std::string_view text =
        xml.substr(at, start == std::string_view::npos ? start : start - at);
    EXPECT_FALSE(holds(text, ">")) << text;
    if (start == std::string_view::npos) break;
    const std::size_t end = xml.find('>', start);
    ASSERT_NE(end, std::string_view::npos);
    const std::string_view tag = xml.substr(start + 1, end - start - 1);
    EXPECT_FALSE(holds(tag, "<")) << tag;
    EXPECT_EQ(times(tag, "\"") % 2, 0U) << tag;
    const std::string name(tag.substr(0, tag.find_first_of(" /?", 1)));
    if (tag.starts_with('?') || tag.ends_with('/')) {
      // A declaration, or closed in itself.
    } else if (tag.starts_with('/')) {
      ASSERT_FALSE(open.empty()) << tag;
      EXPECT_EQ("/" + open.back(), tag);
      open.pop_back();
    } else {
      open.push_back(name);
    }
    at = end + 1;
  }
  EXPECT_TRUE(open.empty());
}

// ---- Text ----

struct Width {
  int columns;
  bool verbose;
};

class TextReportWidth : public testing::TestWithParam<Width> {};

TEST_P(TextReportWidth, NoLineIsWiderThanTheTerminal) {
  const Width& param = GetParam();
  const std::string text =
      render(sample_report(), Format::text, {.verbose = param.verbose, .columns = param.columns});
  for (const std::string& line : base::split(text, '\n')) {
    const bool is_sql =
        param.verbose && line.ends_with(';'); // Statements stay whole, to be copied.
    if (!is_sql) {
      EXPECT_LE(base::columns_of(line), static_cast<std::size_t>(param.columns)) << line;
    }
    EXPECT_FALSE(line.ends_with(' ')) << "[" << line << "]";
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, TextReportWidth,
                         testing::Values(Width{80, false}, Width{120, false}, Width{60, false},
                                         Width{40, false}, Width{120, true}));

TEST(TextReport, OpensWithTheTitleThenTheChecklistsThenTheWorst) {
  const std::string text = render(sample_report(), Format::text);
  EXPECT_TRUE(text.starts_with("shop on /run/pgkeep:5432, PostgreSQL 15.14\n"));
  const std::size_t note = text.find("note: the counters");
  const std::size_t live = text.find("Going live");
  const std::size_t design = text.find("Design principles");
  const std::size_t schema = text.find("Schema and keys");
  const std::size_t vacuum = text.find("Vacuum and wraparound");
  const std::size_t end = text.find("4 errors, 15 warnings");
  EXPECT_TRUE(note < live && live < design && design < schema && schema < vacuum && vacuum < end);
  EXPECT_NE(end, std::string::npos);
}

TEST(TextReport, ChecklistItemsAreOneLineWithMarkAndCommand) {
  const std::string text = render(sample_report(), Format::text);
  EXPECT_TRUE(holds(text, "\n  ✗  8 Index on every foreign key: 6 of 21"));
  EXPECT_TRUE(holds(text, "→ pgkeep audit --only foreign-key-without-index"));
  EXPECT_TRUE(holds(text, "\n  ? 10 Every query parameterised: needs the source"));
  EXPECT_TRUE(holds(text, "\n  ✓  6 Extensions pinned"));
}

TEST(TextReport, ShortSaysHowManyAndTheFix) {
  const std::string text = render(sample_report(), Format::text);
  EXPECT_TRUE(holds(text, "error    Foreign key without an index on its own columns (6)"));
  EXPECT_TRUE(holds(text, "also public.payments.user_id"));
  EXPECT_TRUE(holds(text, "fix (online): CREATE INDEX CONCURRENTLY orders_user_id_idx"));
  EXPECT_TRUE(holds(text, "manual: Takes effect only when the server restarts"));
  EXPECT_TRUE(holds(text, "  2 needs pg_monitor"));
  EXPECT_TRUE(holds(text, "--fix-out DIR"));
  EXPECT_FALSE(holds(text, "payments_user_id_idx")) << "only -v shows every fix";
}

TEST(TextReport, VerboseHasEverything) {
  const Report report = sample_report();
  const std::string text = render(report, Format::text, {.verbose = true});
  for (const Finding& finding : report.findings) {
    if (!finding.fix) continue;
    for (const std::string& statement : finding.fix->sql) {
      if (!has_control(statement)) {
        EXPECT_TRUE(holds(text, statement + ";")) << statement;
      }
    }
  }
  EXPECT_TRUE(holds(text, "child rows: 1,200,000"));
  EXPECT_TRUE(holds(text, "pid=4711")) << "a pid is no count";
  EXPECT_TRUE(holds(text, "bytes: 42 MB"));
  EXPECT_TRUE(holds(text, "replica-lag: needs pg_monitor"));
  EXPECT_TRUE(holds(text, "ssl-off on setting ssl: behind a mesh that encrypts"));
  EXPECT_TRUE(holds(text, "invalid-index")) << "what passed is listed";
}

TEST(TextReport, ControlCharactersOfNamesAreMadeVisible) {
  for (const bool verbose : {false, true}) {
    const std::string text = render(sample_report(), Format::text, {.verbose = verbose});
    EXPECT_FALSE(has_control(text));
    EXPECT_TRUE(holds(text, "\\x1b[31mred"));
  }
}

TEST(TextReport, ColourOnlyWhenAsked) {
  EXPECT_FALSE(holds(render(sample_report(), Format::text), "\x1b"));
  const std::string coloured = render(sample_report(), Format::text, {.colour = true});
  EXPECT_TRUE(holds(coloured, "\x1b[1;31merror"));
  EXPECT_EQ(times(coloured, "\x1b[") % 2, 0U) << "each start has its end";
  EXPECT_FALSE(holds(coloured, "\x1b[31mred")) << "but not the colours that a name brings along";
}

TEST(TextReport, ColourChangesNothingElse) {
  std::string coloured = render(sample_report(), Format::text, {.colour = true});
  for (const char* code :
       {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[32m"}) {
    coloured = base::replace_all(coloured, code, "");
  }
  EXPECT_EQ(coloured, render(sample_report(), Format::text));
}

TEST(TextReport, PlacesInFilesAreWholeInANarrowTerminal) {
  Report report;
  report.target = base::Json{{"files", 1}};
  const std::string file = std::string(70, 'd') + "/V003__index.sql";
  report.findings = {{.rule = "some-rule",
                      .severity = Severity::error,
                      .message = "wrong",
                      .file = file,
                      .line = 12,
                      .column = 3}};
  const std::string text = render(report, Format::text, {.columns = 40});
  EXPECT_TRUE(holds(text, file + ":12:3: error some-rule\n")) << text;
}

TEST(TextReport, NothingFound) {
  const std::string text = render(clean_report(), Format::text);
  EXPECT_TRUE(holds(text, "Nothing found; 18 checks passed; score 100 of 100\n"));
  EXPECT_FALSE(holds(text, "--fix-out"));
}

TEST(TextReport, ExplainsARule) {
  const Rule& rule = *clean_report().rules.front();
  const std::string text = explain_rule(rule, {"SELECT conname\n  FROM pg_constraint"}, {});
  for (const std::string_view part :
       {rule.id, rule.title, rule.source, std::string_view("fk-without-index"),
        std::string_view("  FROM pg_constraint")}) {
    EXPECT_TRUE(holds(text, part)) << part;
  }
}

// ---- Machines ----

TEST(JsonReport, ManyFindingsComeInPiecesAndInOrder) {
  Report report = sample_report();
  const Finding one = report.findings.front();
  report.findings.clear();
  constexpr int kMany = 7'001;
  for (int line = 1; line <= kMany; ++line) {
    report.findings.push_back(one);
    report.findings.back().line = line;
  }
  std::string whole;
  int pieces = 0;
  render_to(report, Format::json, {}, [&](std::string_view piece) {
    whole += piece;
    ++pieces;
  });
  EXPECT_GT(pieces, 3);
  EXPECT_EQ(whole, render(report, Format::json));
  EXPECT_EQ(whole, parsed(whole).dump(true) + "\n");
  const Json json = parsed(whole);
  const Json::Array& findings = *json.find("findings")->as_array();
  ASSERT_EQ(findings.size(), static_cast<std::size_t>(kMany));
  for (int line = 1; line <= kMany; ++line)
    EXPECT_EQ(*findings[static_cast<std::size_t>(line) - 1].find("line"), Json(line));
}

TEST(JsonReport, HasTheMembersOfTheDesign) {
  const Report report = sample_report();
  const Json json = parsed(render(report, Format::json));
  EXPECT_EQ(text_of(json.find("pgkeep")), "findings/1");
  EXPECT_EQ(*json.find("summary"),
            (Json{{"error", 4}, {"warning", 15}, {"info", 2}, {"passed", 1}, {"skipped", 3}}));
  EXPECT_EQ(text_of(json.find("target")->find("database")), "shop");
  const Json::Array& findings = *json.find("findings")->as_array();
  ASSERT_EQ(findings.size(), report.findings.size());
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Json& one = findings[i];
    EXPECT_EQ(text_of(one.find("object")), report.findings[i].object)
        << "names come back byte for byte";
    EXPECT_EQ(text_of(one.find("fingerprint")), fingerprint(report.findings[i]));
    EXPECT_NE(one.find("evidence")->as_object(), nullptr);
    EXPECT_EQ(one.find("file") != nullptr, !report.findings[i].file.empty());
    EXPECT_EQ(one.find("fix") != nullptr, report.findings[i].fix.has_value());
  }
  const auto key = std::ranges::find(report.findings, "public.orders.user_id", &Finding::object);
  const Json& one = findings[static_cast<std::size_t>(key - report.findings.begin())];
  EXPECT_EQ(*one.find("aliases"), Json(Json::Array{Json("fk-without-index")}));
  EXPECT_EQ(text_of(one.find("severity")), "error");
  EXPECT_EQ(text_of(one.find("area")), "schema");
  EXPECT_EQ(text_of(one.find("fix")->find("safety")), "online");
  EXPECT_EQ(text_of(one.find("fix")->find("phase")), "index-build");
  EXPECT_EQ(one.find("fix")->find("undo")->as_array()->size(), 1U);
  EXPECT_EQ(json.find("passed")->as_array()->size(), 1U);
  EXPECT_EQ(text_of(json.find("skipped")->as_array()->front().find("reason")), "needs pg_monitor");
  EXPECT_EQ(json.find("checklists")->as_array()->size(), 3U);
  EXPECT_EQ(text_of(json.find("set_aside")->as_array()->front().find("reason")),
            "behind a mesh that encrypts");
  EXPECT_EQ(json.find("notes")->as_array()->size(), 2U);
}

TEST(SarifReport, HasRulesResultsAndAnchors) {
  const Report report = sample_report();
  const Json json = parsed(render(report, Format::sarif));
  EXPECT_EQ(text_of(json.find("version")), "2.1.0");
  const Json& run = json.find("runs")->as_array()->front();
  const Json::Array& rules = *run.find("tool")->find("driver")->find("rules")->as_array();
  ASSERT_EQ(rules.size(), report.rules.size());
  for (const Json& rule : rules)
    EXPECT_TRUE(holds(text_of(rule.find("help")->find("text")), "Source: "));
  const Json::Array& results = *run.find("results")->as_array();
  ASSERT_EQ(results.size(), report.findings.size());
  std::vector<std::string> prints;
  for (const Json& result : results) {
    const std::string id = text_of(result.find("ruleId"));
    EXPECT_EQ(
        text_of(rules[static_cast<std::size_t>(*result.find("ruleIndex")->as_int())].find("id")),
        id);
    const Json& location = result.find("locations")->as_array()->front();
    EXPECT_NE(location.find("logicalLocations"), nullptr);
    const Json* const region = location.find("physicalLocation")->find("region");
    EXPECT_GE(*region->find("startLine")->as_int(), 1);
    prints.push_back(text_of(result.find("partialFingerprints")->find("primaryLocationLineHash")));
    const std::string level = text_of(result.find("level"));
    EXPECT_TRUE(level == "error" || level == "warning" || level == "note") << level;
  }
  std::ranges::sort(prints);
  EXPECT_EQ(std::ranges::adjacent_find(prints), prints.end());
  const Json& anchor = results.front().find("locations")->as_array()->front();
  EXPECT_EQ(text_of(anchor.find("physicalLocation")->find("artifactLocation")->find("uri")),
            "pgkeep.toml");
  const Json& text = results.back().find("locations")->as_array()->front();
  EXPECT_EQ(text_of(text.find("physicalLocation")->find("artifactLocation")->find("uri")),
            "migrations/V003__a%3A%20b%2Cc.sql");
}

TEST(JunitReport, IsWellFormedAndCounts) {
  const std::string xml = render(sample_report(), Format::junit);
  expect_well_formed(xml);
  EXPECT_FALSE(has_control(xml));
  EXPECT_FALSE(holds(xml, "<script"));
  EXPECT_EQ(times(xml, "<testcase "), sample_report().rules.size());
  EXPECT_EQ(times(xml, "<failure "), 11U) << "a rule with an error or a warning fails once";
  EXPECT_EQ(times(xml, "<skipped message=\"needs pg_monitor\"/>"), 2U);
  EXPECT_TRUE(holds(xml, "tests=\"18\" failures=\"11\" errors=\"0\" skipped=\"3\">"));
  EXPECT_TRUE(holds(xml, "<system-out>info: setting log_lock_waits"))
      << "info does not fail a build";
}

TEST(GithubLines, EscapesAndPutsTheWorstFirst) {
  const std::string text = render(sample_report(), Format::github);
  const std::vector<std::string> lines = base::split(text, '\n');
  EXPECT_EQ(lines.size(), sample_report().findings.size() + 1)
      << "a name with a line break stays in one line";
  int rank = 0;
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    const int here = line.starts_with("::error ") ? 0 : line.starts_with("::warning ") ? 1 : 2;
    EXPECT_GE(here, rank) << line;
    rank = here;
    EXPECT_TRUE(holds(line, "file=") && holds(line, ",line=") && holds(line, ",title=")) << line;
  }
  EXPECT_TRUE(holds(text, "file=migrations/V003__a%3A b%2Cc.sql,line=3,col=7,title="));
  EXPECT_TRUE(holds(text, "40 %25 of the rows"));
  EXPECT_TRUE(holds(text, "%0AFix (online): "));
  EXPECT_FALSE(has_control(text));
}

TEST(MarkdownReport, EscapesNames) {
  const std::string text = render(sample_report(), Format::markdown);
  EXPECT_TRUE(text.starts_with("## shop on /run/pgkeep:5432"));
  EXPECT_TRUE(holds(text, "**4 errors, 15 warnings, 2 info**"));
  EXPECT_FALSE(holds(text, "@everyone"));
  EXPECT_TRUE(holds(text, "<code>public."));
  // Raw markup may stand in fenced SQL only.
  bool in_fence = false;
  for (const std::string& line : base::split(text, '\n')) {
    if (line.starts_with("```")) in_fence = !in_fence;
    if (!in_fence) {
      EXPECT_FALSE(holds(line, "<script")) << line;
    }
  }
  EXPECT_FALSE(in_fence);
  EXPECT_EQ(times(text, "<details>"), times(text, "</details>"));
}

TEST(MarkdownReport, StaysBelowWhatACommentHolds) {
  Report report = sample_report();
  const Finding one = report.findings.back();
  for (int i = 0; i < 5000; ++i) {
    report.findings.push_back(one);
    report.findings.back().object = "public.t" + std::to_string(i);
  }
  const std::string text = render(report, Format::markdown, {.verbose = true});
  EXPECT_LT(text.size(), 65'536U);
  EXPECT_TRUE(holds(text, "cut here"));
}

// ---- HTML ----

TEST(HtmlReport, ShowsNamesAsText) {
  const std::string page = render(sample_report(), Format::html);
  EXPECT_FALSE(holds(page, "<script>alert"));
  EXPECT_TRUE(holds(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_FALSE(holds(page, "<b>shop</b>"));
  EXPECT_EQ(times(page, "<script>"), 1U) << "our own";
  EXPECT_FALSE(holds(page, "\x1b"));
}

TEST(HtmlReport, LoadsNothing) {
  const std::string page = render(sample_report(), Format::html);
  for (const char* loader : {"src=", "@import", "url(", "<iframe", "<object", "fetch(",
                             "XMLHttpRequest", "innerHTML", "eval("}) {
    EXPECT_FALSE(holds(page, loader)) << loader;
  }
  EXPECT_EQ(times(page, "http://"), 1U) << "only the name of SVG's namespace, in the icon";
  EXPECT_EQ(times(page, "https://"), 0U);
  EXPECT_TRUE(holds(page, "default-src &#39;none&#39;"));
  EXPECT_EQ(times(page, "sha256-"), 2U);
  EXPECT_FALSE(holds(page, " style=\"")) << "the policy would refuse it";
  EXPECT_FALSE(holds(page, " onclick="));
}

TEST(HtmlReport, HasTheWholeReport) {
  const Report report = sample_report();
  const std::string page = render(report, Format::html);
  for (const Finding& finding : report.findings) {
    if (!finding.fix) continue;
    for (const std::string& statement : finding.fix->sql) {
      if (!has_control(statement)) {
        EXPECT_TRUE(holds(page, base::escape_xml(statement) + ";")) << statement;
      }
    }
  }
  for (const char* part : {">shop</h1>", "PostgreSQL 15.14", "2026-11-21 13:20 UTC", "Going live",
                           "Production", "Design principles", "blocks reads and writes", "by hand",
                           "Could not look (3)", "Set aside (1)", "Passed (1)", "name=\"viewport\"",
                           "prefers-color-scheme: dark", "@media print"}) {
    EXPECT_TRUE(holds(page, part)) << part;
  }
  EXPECT_GE(times(page, "data-copy=\"one\""), 15U);
}

TEST(HtmlReport, TagsAreBalanced) {
  const std::string page = render(sample_report(), Format::html);
  for (const char* tag : {"div", "details", "summary", "section", "ul", "ol", "li", "dl", "table",
                          "svg", "button", "pre", "code", "span", "header", "main"}) {
    const std::string open = std::string("<") + tag;
    EXPECT_EQ(times(page, open + " ") + times(page, open + ">"),
              times(page, std::string("</") + tag + ">"))
        << tag;
  }
}

TEST(HtmlReport, EmptyReportIsAPageToo) {
  const std::string page = render(clean_report(), Format::html);
  EXPECT_TRUE(holds(page, "No errors and no warnings."));
  EXPECT_TRUE(holds(page, "Nothing found."));
  EXPECT_TRUE(render(Report{}, Format::html).ends_with("</html>\n"));
}

} // namespace
} // namespace pgkeep::findings
