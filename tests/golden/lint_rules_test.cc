// Rules about SQL text. A folder tests/golden/lint/<rule-id>/ holds flags*.sql and leaves*.sql, and
// expected.txt: for each finding "<file>:<line>:<column> <severity> <object> <safety>", "-" for
// what a finding has not. A first line "-- path: db/migrations/1.up.sql" names the file otherwise
// than "V001__case.sql"; "-- pg-version: 18" another server; "-- database: known.json" a patch of
// the audit's golden base, which is judged as the database; "-- prepared: said.json" what a server
// says of named queries; "-- mandatory-columns: a b" what pgkeep.toml may ask. No server.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "audit/audit.h"
#include "base/files.h"
#include "base/text.h"
#include "findings/render.h"
#include "golden/audit_case.h"
#include "lint/lint.h"

namespace pgkeep::test {
namespace {

namespace fs = std::filesystem;

struct LintCase {
  std::string rule;
  fs::path folder;
  std::vector<fs::path> flags = {};
  std::vector<fs::path> leaves = {};
};
void PrintTo(const LintCase& golden, std::ostream* out) {
  *out << golden.rule;
}

std::vector<LintCase> lint_cases() {
  std::vector<LintCase> cases;
  const fs::path all = golden_directory() / "lint";
  for (const fs::directory_entry& entry : fs::directory_iterator(all)) {
    if (!entry.is_directory()) continue;
    LintCase golden{.rule = entry.path().filename().string(), .folder = entry.path()};
    for (const fs::directory_entry& file : fs::directory_iterator(entry.path())) {
      const std::string name = file.path().filename().string();
      if (!name.ends_with(".sql")) continue;
      if (name.starts_with("flags")) golden.flags.push_back(file.path());
      if (name.starts_with("leaves")) golden.leaves.push_back(file.path());
    }
    std::ranges::sort(golden.flags);
    std::ranges::sort(golden.leaves);
    cases.push_back(std::move(golden));
  }
  std::ranges::sort(cases, {}, &LintCase::rule);
  return cases;
}

/// "-- path: x" among the first lines.
std::string head_value(std::string_view text, std::string_view name, std::string_view fallback) {
  const std::string mark = fmt::format("-- {}: ", name);
  for (const std::string& line : base::split(text, '\n')) {
    if (!line.starts_with("--")) break;
    if (line.starts_with(mark)) return std::string(base::trim(line.substr(mark.size())));
  }
  return std::string(fallback);
}

std::string text_in(const base::Json& object, std::string_view name) {
  const base::Json* const found = object.find(name);
  return found == nullptr || found->as_string() == nullptr ? std::string{} : *found->as_string();
}

/// The first answer whose "sql" stands in the query; what has none prepares.
postgres::QueryCheck said_of(const base::Json& answers, const std::string& sql) {
  postgres::QueryCheck check;
  if (answers.as_array() == nullptr) return check;
  for (const base::Json& each : *answers.as_array()) {
    if (sql.find(text_in(each, "sql")) == std::string::npos) continue;
    check.unasked = text_in(each, "unasked");
    if (const base::Json* const plan = each.find("plan")) check.plan = plan->dump();
    if (const std::string sqlstate = text_in(each, "sqlstate"); !sqlstate.empty()) {
      check.refusal = base::Error{.code = base::Code::sql,
                                  .what = text_in(each, "what"),
                                  .hint = text_in(each, "hint"),
                                  .sqlstate = sqlstate};
      // The server counts characters from 1; these texts have no others than ASCII.
      check.refusal_position = static_cast<int>(sql.find(text_in(each, "at"))) + 1;
    }
    return check;
  }
  return check;
}

class LintGolden : public testing::TestWithParam<LintCase> {
protected:
  static std::vector<std::string> judge(const fs::path& path) {
    const auto text = base::read_file(path);
    EXPECT_TRUE(text) << path;
    if (!text) return {};
    lint::Options options{.limits = findings::limits_from(base::Config{}),
                          .only = {GetParam().rule},
                          .shared = audit::all_rules()};
    options.server_major = std::atoi(head_value(*text, "pg-version", "15").c_str());
    if (const std::string word = head_value(*text, "server-knows", ""); !word.empty())
      options.server_parses = [word](std::string_view sql) { return sql.starts_with(word); };
    options.mandatory_columns = base::split_words(head_value(*text, "mandatory-columns", ""));
    base::Json answers;
    if (const std::string said = head_value(*text, "prepared", ""); !said.empty()) {
      const auto said_text = base::read_file(GetParam().folder / said);
      auto parsed = base::parse_json(said_text ? *said_text : "");
      EXPECT_TRUE(parsed) << said;
      if (parsed) answers = *std::move(parsed);
      options.prepare = [&answers](const std::string& sql) { return said_of(answers, sql); };
    }
    catalog::Snapshot database;
    if (const std::string known = head_value(*text, "database", ""); !known.empty()) {
      const auto patch_text = base::read_file(GetParam().folder / known);
      EXPECT_TRUE(patch_text) << known;
      const auto patch = base::parse_json(patch_text ? *patch_text : "{}");
      EXPECT_TRUE(patch) << known << ": " << base::to_line(patch.error());
      auto snapshot = patched_snapshot(patch ? *patch : base::Json{}, known);
      EXPECT_TRUE(snapshot) << base::to_line(snapshot.error());
      if (!snapshot) return {};
      database = *std::move(snapshot);
      options.database = &database;
    }
    const std::vector<lint::File> files = {
        {.path = head_value(*text, "path", "V001__case.sql"), .text = *text}};
    const auto report = lint::lint(files, options);
    EXPECT_TRUE(report) << base::to_line(report.error());
    if (!report) return {};
    std::vector<std::string> lines;
    for (const findings::Finding& each : report->findings) {
      if (each.rule != GetParam().rule) continue;
      lines.push_back(fmt::format("{}:{}:{} {} {} {}", path.filename().string(), each.line,
                                  each.column, findings::name_of(*each.severity),
                                  each.object.empty() ? "-" : each.object,
                                  each.fix ? findings::name_of(each.fix->safety) : "-"));
      EXPECT_EQ(faults_of(each), std::vector<std::string>{});
    }
    return lines;
  }
};

TEST_P(LintGolden, FlagsWhatIsWrong) {
  ASSERT_FALSE(GetParam().flags.empty()) << "no flags.sql";
  std::vector<std::string> lines;
  for (const fs::path& path : GetParam().flags) {
    const std::vector<std::string> found = judge(path);
    EXPECT_FALSE(found.empty()) << path << " flags nothing";
    lines.insert(lines.end(), found.begin(), found.end());
  }
  std::ranges::sort(lines);
  const AuditCase golden{.rule = GetParam().rule, .folder = GetParam().folder};
  update_expected(golden, lines);
  EXPECT_EQ(lines, expected_lines(golden));
}

TEST_P(LintGolden, LeavesWhatIsRight) {
  ASSERT_FALSE(GetParam().leaves.empty()) << "no leaves.sql";
  for (const fs::path& path : GetParam().leaves)
    EXPECT_EQ(judge(path), std::vector<std::string>{}) << path;
}

INSTANTIATE_TEST_SUITE_P(Rules, LintGolden, testing::ValuesIn(lint_cases()), [](const auto& each) {
  return base::replace_all(each.param.rule, "-", "_");
});

std::vector<lint::File> all_files() {
  std::vector<lint::File> files;
  for (const char* const kind : {"lint", "audit", "locks"}) {
    const fs::path folder = golden_directory() / kind;
    if (!fs::exists(folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".sql") continue;
      const auto text = base::read_file(entry.path());
      EXPECT_TRUE(text) << entry.path();
      if (text) files.push_back({.path = entry.path().string(), .text = *text});
    }
  }
  std::ranges::sort(files, {}, &lint::File::path);
  return files;
}

/// Those of taste as well.
lint::Options all_options() {
  lint::Options options{.limits = findings::limits_from(base::Config{}),
                        .shared = audit::all_rules()};
  for (const findings::Rule* const card : lint::all_rules(audit::all_rules()))
    options.only.emplace_back(card->id);
  return options;
}

TEST(LintRules, AllReadEveryCaseTogether) {
  const auto known = patched_snapshot({}, "base");
  ASSERT_TRUE(known) << base::to_line(known.error());
  const std::vector<lint::File> files = all_files();
  lint::Options options = all_options();
  EXPECT_TRUE(lint::lint(files, options));
  options.database = &*known;
  const auto report = lint::lint(files, options);
  ASSERT_TRUE(report);
  EXPECT_GT(report->findings.size(), files.size());
}

/// Where each rule says something.
std::set<std::string> places_of(std::span<const lint::File> files, const lint::Options& options) {
  const auto report = lint::lint(files, options);
  EXPECT_TRUE(report);
  std::set<std::string> places;
  if (!report) return places;
  for (const findings::Finding& each : report->findings)
    places.insert(fmt::format("{} {}:{}:{} {}: {}", each.rule, each.file, each.line, each.column,
                              each.object, each.message));
  return places;
}

TEST(LintRules, NodesLeaveOutNothing) {
  const auto known = patched_snapshot({}, "base");
  ASSERT_TRUE(known) << base::to_line(known.error());
  const std::vector<lint::File> files = all_files();
  lint::Options options = all_options();
  for (const catalog::Snapshot* const database :
       {static_cast<const catalog::Snapshot*>(nullptr), &*known}) {
    options.database = database;
    // Alone, a file of a case says the most; together, one knows what another makes.
    for (std::size_t i = 0; i <= files.size(); ++i) {
      const std::span<const lint::File> judged =
          i < files.size() ? std::span(files).subspan(i, 1) : std::span(files);
      options.ignores_nodes = false;
      const std::set<std::string> with_nodes = places_of(judged, options);
      options.ignores_nodes = true;
      const std::set<std::string> without_nodes = places_of(judged, options);
      std::vector<std::string> lost;
      std::ranges::set_difference(without_nodes, with_nodes, std::back_inserter(lost));
      EXPECT_EQ(lost, std::vector<std::string>{});
    }
  }
}

/// A report as JSON, which has all of it.
std::string report_of(std::span<const lint::File> files, const lint::Options& options) {
  const auto report = lint::lint(files, options);
  EXPECT_TRUE(report);
  return report ? findings::render(*report, findings::Format::json) : std::string();
}

TEST(LintRules, AnyNumberOfJudgesSaysTheSame) {
  const auto known = patched_snapshot({}, "base");
  ASSERT_TRUE(known) << base::to_line(known.error());
  std::vector<lint::File> files = all_files();
  files.push_back(files.front()); // A path that is given twice, and not in order.
  lint::Options options = all_options();
  for (const catalog::Snapshot* const database :
       {static_cast<const catalog::Snapshot*>(nullptr), &*known}) {
    options.database = database;
    options.judges = 1;
    options.writes_json = false;
    const std::string alone = report_of(files, options);
    for (const std::size_t judges : {1U, 2U, 3U}) {
      options.judges = judges;
      for (const bool writes_json : {false, true}) {
        options.writes_json = writes_json;
        EXPECT_TRUE(report_of(files, options) == alone) << judges << ' ' << writes_json;
      }
    }
  }
}

TEST(LintRules, TheFirstFileThatCannotBeReadIsNamed) {
  const lint::File file{.path = "a.sql", .text = std::string(20'000, ' ') + "SELECT 1;"};
  const std::vector<lint::ListedFile> files(50, {.path = file.path, .bytes = file.text.size()});
  lint::Options options = all_options();
  for (const std::size_t judges : {1U, 2U, 3U}) {
    options.judges = judges;
    const auto read = [&](std::size_t number) -> base::Result<lint::File> {
      if (number != 17 && number != 18 && number != 40) return file;
      return base::Error{.code = base::Code::io, .what = fmt::format("file {}", number)};
    };
    const auto report = lint::lint(files, read, options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().what, "file 17");
  }
}

TEST(LintRules, HaveACardAndACase) {
  std::set<std::string, std::less<>> cases;
  for (const LintCase& each : lint_cases())
    cases.insert(each.rule);
  std::set<std::string_view> ids;
  for (const findings::Rule* const card : lint::all_rules(audit::all_rules())) {
    SCOPED_TRACE(card->id);
    EXPECT_TRUE(ids.insert(card->id).second) << "two rules of one id";
    EXPECT_FALSE(card->title.empty());
    EXPECT_FALSE(card->why.empty());
    EXPECT_FALSE(card->how.empty());
    EXPECT_FALSE(card->source.empty());
    EXPECT_FALSE(card->title.ends_with('.'));
    EXPECT_TRUE(cases.contains(card->id)) << "no folder in tests/golden/lint";
  }
  for (const std::string& id : cases)
    EXPECT_TRUE(ids.contains(id)) << id << " is a case without a rule";
}

} // namespace
} // namespace pgkeep::test
