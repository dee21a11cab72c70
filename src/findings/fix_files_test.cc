#include "findings/fix_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "findings/sample_report_test.h"
#include "findings/statement.h"

namespace pgkeep::findings {
namespace {

std::size_t place_of(const std::vector<FixFile>& files, std::string_view sql) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].up.find(sql) != std::string::npos) return i;
  }
  ADD_FAILURE() << "no file holds " << sql;
  return files.size();
}

const FixFile& file_with(const std::vector<FixFile>& files, std::string_view sql) {
  return files.at(place_of(files, sql));
}

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

Finding fixed(std::string object, Phase phase, std::vector<std::string> sql,
              std::vector<std::string> undo = {}) {
  Finding finding;
  finding.rule = "no-primary-key";
  finding.severity = Severity::warning;
  finding.object = std::move(object);
  finding.fix =
      Fix{.safety = Safety::online, .phase = phase, .sql = std::move(sql), .undo = std::move(undo)};
  return finding;
}

/// The SQL of a file without its comment lines.
std::vector<std::string> code_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::string& line : base::split(text, '\n')) {
    if (!line.empty() && !line.starts_with("--")) lines.push_back(std::move(line));
  }
  return lines;
}

class Folder {
public:
  Folder() {
    std::string pattern = testing::TempDir() + "pgkeep-fixes-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path_ / name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

private:
  std::filesystem::path path_;
};

TEST(FixFiles, StandInTheOrderOfThePhases) {
  const auto files = plan_fix_files(sample_report(), 0);
  const std::size_t settings = place_of(files, "ALTER SYSTEM SET fsync");
  const std::size_t roles = place_of(files, "NOSUPERUSER");
  const std::size_t types = place_of(files, "TYPE numeric(12,2)");
  const std::size_t keys = place_of(files, "NOT VALID;");
  const std::size_t build = place_of(files, "orders_user_id_idx");
  const std::size_t drop = place_of(files, "DROP INDEX CONCURRENTLY public.users_email_idx1");
  const std::size_t tend = place_of(files, "VACUUM (ANALYZE)");
  EXPECT_TRUE(settings < roles && roles < types && types < keys && keys < build && build < drop &&
              drop < tend);
}

TEST(FixFiles, AreNumberedOnAfterTheLast) {
  const auto files = plan_fix_files(sample_report(), 41);
  ASSERT_FALSE(files.empty());
  EXPECT_EQ(files[0].name, "V042__alter_system_settings.sql");
  EXPECT_EQ(files[1].name.substr(0, 6), "V043__");
}

TEST(FixFiles, NamesAreSafeAndSayWhatBlocks) {
  for (const FixFile& file : plan_fix_files(sample_report(), 0)) {
    EXPECT_EQ(file.name.find_first_not_of("Vabcdefghijklmnopqrstuvwxyz0123456789_."),
              std::string::npos)
        << file.name;
    EXPECT_LE(file.name.size(), 80U);
    const bool blocks = file.up.find("-- Locks: blocks-all.") != std::string::npos;
    EXPECT_EQ(file.name.find("__blocks_all_") != std::string::npos, blocks) << file.name;
  }
}

TEST(FixFiles, OpenWithTheReason) {
  for (const FixFile& file : plan_fix_files(sample_report(), 0)) {
    EXPECT_TRUE(file.up.starts_with("-- Why: ")) << file.name;
    EXPECT_NE(file.up.find("\n-- Found: "), std::string::npos) << file.name;
    EXPECT_NE(file.up.find("\n-- Locks: "), std::string::npos) << file.name;
    for (const std::string& rule : file.rules)
      EXPECT_NE(file.up.find(rule), std::string::npos) << file.name;
  }
}

TEST(FixFiles, SettingsShareOneFileWithOneReloadAtItsEnd) {
  const auto files = plan_fix_files(sample_report(), 0);
  const std::vector<std::string> up = code_lines(files[0].up);
  EXPECT_EQ(up, (std::vector<std::string>{"ALTER SYSTEM SET fsync = 'on';",
                                          "ALTER SYSTEM SET log_lock_waits = 'on';",
                                          "SELECT pg_reload_conf();"}));
  const std::vector<std::string> down = code_lines(files[0].down);
  EXPECT_EQ(down,
            (std::vector<std::string>{"ALTER SYSTEM RESET log_lock_waits;",
                                      "ALTER SYSTEM RESET fsync;", "SELECT pg_reload_conf();"}));
}

TEST(FixFiles, WhatNeedsNoTransactionStandsApart) {
  for (const FixFile& file : plan_fix_files(sample_report(), 0)) {
    bool alone = false;
    bool shares = false;
    for (const std::string& line : code_lines(file.up)) {
      if (line.starts_with("SET ") || line.starts_with("DROP TABLE users")) continue;
      const StatementKind kind = kind_of(line);
      (kind == StatementKind::transactional ? shares : alone) = true;
    }
    EXPECT_FALSE(alone && shares) << file.up;
  }
}

TEST(FixFiles, ValidationIsAFileOfItsOwnAfterTheConstraint) {
  const auto files = plan_fix_files(sample_report(), 0);
  const std::size_t add = place_of(files, "NOT VALID;");
  const std::size_t validate = place_of(files, "VALIDATE CONSTRAINT total_positive;");
  EXPECT_EQ(validate, add + 1);
  EXPECT_EQ(code_lines(files[add].down).back(),
            "ALTER TABLE public.orders DROP CONSTRAINT total_positive;");
  EXPECT_TRUE(code_lines(files[validate].down).empty()) << "one down file takes the whole fix back";
  EXPECT_NE(files[validate].down.find("Nothing to do here"), std::string::npos);
}

TEST(FixFiles, TimeoutsFitTheLocks) {
  const auto files = plan_fix_files(sample_report(), 0);
  EXPECT_NE(file_with(files, "TYPE numeric").up.find("SET lock_timeout = '5s';\n"),
            std::string::npos);
  EXPECT_NE(file_with(files, "orders_user_id_idx")
                .up.find("SET lock_timeout = 0;\nSET statement_timeout = 0;\n"),
            std::string::npos);
  EXPECT_EQ(file_with(files, "NOSUPERUSER").up.find("lock_timeout"), std::string::npos);
}

TEST(FixFiles, EqualStatementsAreWrittenOnce) {
  Report report = clean_report();
  report.findings.push_back(
      fixed("a", Phase::index_build, {"CREATE INDEX CONCURRENTLY i ON t (x)"}, {"DROP INDEX i"}));
  report.findings.push_back(
      fixed("b", Phase::index_build, {"CREATE INDEX CONCURRENTLY i ON t (x);"}, {"DROP INDEX i"}));
  const auto files = plan_fix_files(report, 0);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(occurrences(files[0].up, "CREATE INDEX CONCURRENTLY i ON t (x);"), 1U);
  EXPECT_EQ(occurrences(files[0].down, "DROP INDEX i;"), 1U);
}

TEST(FixFiles, TheWayBackIsWrittenOnceToo) {
  Report report = clean_report();
  report.findings.push_back(fixed("a", Phase::roles, {"GRANT a TO x", "GRANT b TO x"},
                                  {"REVOKE b FROM x", "REVOKE a FROM x"}));
  report.findings.push_back(fixed("b", Phase::roles, {"GRANT b TO x", "GRANT c TO x"},
                                  {"REVOKE c FROM x", "REVOKE b FROM x"}));
  const auto files = plan_fix_files(report, 0);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(code_lines(files[0].up),
            (std::vector<std::string>{"GRANT a TO x;", "GRANT b TO x;", "GRANT c TO x;"}));
  EXPECT_EQ(code_lines(files[0].down),
            (std::vector<std::string>{"REVOKE c FROM x;", "REVOKE b FROM x;", "REVOKE a FROM x;"}));
}

TEST(FixFiles, ContradictionsAreLeftOutAndSaid) {
  Report report = clean_report();
  report.findings.push_back(fixed(
      "a", Phase::settings, {"ALTER SYSTEM SET work_mem = '16MB'", "SELECT pg_reload_conf()"}));
  report.findings.push_back(fixed(
      "b", Phase::settings, {"ALTER SYSTEM SET work_mem = '64MB'", "SELECT pg_reload_conf()"}));
  const auto files = plan_fix_files(report, 0);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(code_lines(files[0].up),
            (std::vector<std::string>{"ALTER SYSTEM SET work_mem = '16MB';",
                                      "SELECT pg_reload_conf();"}));
  EXPECT_NE(files[0].up.find("-- Left out: ALTER SYSTEM SET work_mem = '64MB'"), std::string::npos);
}

TEST(FixFiles, AnIndexThatIsDroppedIsNotBuiltAnew) {
  Report report = clean_report();
  for (const std::string_view name : {"public.a_idx", "public.b_idx"}) {
    report.findings.push_back(fixed(std::string(name), Phase::maintenance,
                                    {fmt::format("REINDEX INDEX CONCURRENTLY {}", name)}));
  }
  report.findings.push_back(
      fixed("public.a_idx", Phase::index_drop, {"DROP INDEX CONCURRENTLY public.a_idx"}));
  std::string all;
  for (const FixFile& file : plan_fix_files(report, 0))
    all += file.up;
  EXPECT_EQ(occurrences(all, "REINDEX INDEX CONCURRENTLY public.a_idx"), 0U);
  EXPECT_EQ(occurrences(all, "REINDEX INDEX CONCURRENTLY public.b_idx"), 1U);
}

TEST(FixFiles, ChangedTypesEndWithOneAnalyzeATable) {
  Report report = clean_report();
  report.findings.push_back(
      fixed("public.a.x", Phase::types, {"ALTER TABLE public.a ALTER COLUMN x TYPE text"}));
  report.findings.push_back(
      fixed("public.a.y", Phase::types, {"ALTER TABLE public.a ALTER COLUMN y TYPE bigint"}));
  report.findings.push_back(fixed("public.b", Phase::maintenance, {"VACUUM public.b"}));
  const auto files = plan_fix_files(report, 0);
  EXPECT_EQ(files.back().name, "V004__analyze_changed_tables.sql");
  EXPECT_EQ(code_lines(files.back().up), std::vector<std::string>{"ANALYZE public.a;"});
  EXPECT_TRUE(code_lines(files.back().down).empty());
}

TEST(FixFiles, DownGoesBackwards) {
  Report report = clean_report();
  report.findings.push_back(fixed("a", Phase::roles, {"GRANT a TO x"}, {"REVOKE a FROM x"}));
  report.findings.push_back(
      fixed("b", Phase::roles, {"GRANT b TO x"}, {"REVOKE b FROM x", "REVOKE c FROM x"}));
  const auto files = plan_fix_files(report, 0);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(code_lines(files[0].down),
            (std::vector<std::string>{"REVOKE b FROM x;", "REVOKE c FROM x;", "REVOKE a FROM x;"}));
}

TEST(FixFiles, SayWhereThereIsNoWayBack) {
  const auto files = plan_fix_files(sample_report(), 0);
  const FixFile& tend = file_with(files, "VACUUM (ANALYZE)");
  EXPECT_TRUE(code_lines(tend.down).empty());
  EXPECT_NE(tend.down.find("-- No way back: "), std::string::npos);
}

TEST(FixFiles, HostileNamesStayInTheirComment) {
  Report report = clean_report();
  Finding finding = fixed(kEscapeName, Phase::repair, {"SELECT 1"});
  finding.message = "line one\nDROP TABLE a;\rDROP TABLE b;";
  finding.fix->note = "note\nDROP TABLE c;";
  finding.evidence = base::Json{{"x\nDROP TABLE d;", "y\nDROP TABLE e;"}};
  report.findings.push_back(std::move(finding));
  for (const FixFile& file : plan_fix_files(report, 0)) {
    EXPECT_EQ(code_lines(file.up), std::vector<std::string>{"SELECT 1;"});
    EXPECT_TRUE(code_lines(file.down).empty());
    EXPECT_EQ(file.up.find('\r'), std::string::npos);
  }
}

TEST(FixFiles, ManualFixesAreNotWrittenAsStatements) {
  for (const FixFile& file : plan_fix_files(sample_report(), 0)) {
    EXPECT_EQ(file.up.find("shared_buffers"), std::string::npos);
    EXPECT_EQ(file.up.find("archive"), std::string::npos);
  }
}

TEST(FixFiles, ThousandsOfObjectsShareFiles) {
  Report report = clean_report();
  for (int i = 0; i < 5000; ++i) {
    const std::string index = "i" + std::to_string(i);
    report.findings.push_back(
        fixed(index, Phase::index_build, {"CREATE INDEX CONCURRENTLY " + index + " ON t (x)"}));
  }
  const auto files = plan_fix_files(report, 0);
  EXPECT_LE(files.size(), 50U);
  std::size_t statements = 0;
  for (const FixFile& file : files)
    statements += occurrences(file.up, "CREATE INDEX CONCURRENTLY i");
  EXPECT_EQ(statements, 5000U);
}

TEST(FixFiles, WritesFilesDownFilesAndTheReadme) {
  const Folder folder;
  const auto written = write_fix_files(sample_report(), folder.path() / "new" / "fixes");
  ASSERT_TRUE(written.has_value()) << base::to_line(written.error());
  const std::size_t files = plan_fix_files(sample_report(), 0).size();
  EXPECT_EQ(written->size(), 2 * files + 1);
  for (const std::string& name : *written)
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "new" / "fixes" / name)) << name;
  const std::string readme = folder.read("new/fixes/README.md");
  EXPECT_NE(readme.find("## By hand"), std::string::npos);
  EXPECT_NE(readme.find("which no statement can do"), std::string::npos);
  EXPECT_NE(readme.find("which only you can choose"), std::string::npos);
  EXPECT_NE(readme.find("V001__alter_system_settings.sql"), std::string::npos);
}

TEST(FixFiles, NeverOverwritesAndNumbersOn) {
  const Folder folder;
  std::ofstream(folder.path() / "V007__mine.sql") << "mine";
  std::ofstream(folder.path() / "README.md") << "mine too";
  const auto first = write_fix_files(sample_report(), folder.path());
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->front(), "V008__alter_system_settings.sql");
  const auto second = write_fix_files(sample_report(), folder.path());
  ASSERT_TRUE(second.has_value());
  std::vector<std::string> both = *first;
  both.insert(both.end(), second->begin(), second->end());
  std::ranges::sort(both);
  EXPECT_EQ(std::ranges::adjacent_find(both), both.end()) << "a name was used twice";
  EXPECT_EQ(folder.read("V007__mine.sql"), "mine");
  EXPECT_EQ(folder.read("README.md"), "mine too");
}

TEST(FixFiles, NothingFoundWritesNothing) {
  const Folder folder;
  const auto written = write_fix_files(clean_report(), folder.path() / "fixes");
  ASSERT_TRUE(written.has_value());
  EXPECT_TRUE(written->empty());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "fixes"));
}

TEST(FixFiles, AFileInTheWayIsAnError) {
  const Folder folder;
  std::ofstream(folder.path() / "fixes") << "a file";
  const auto written = write_fix_files(sample_report(), folder.path() / "fixes");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, base::Code::io);
  EXPECT_TRUE(written.error().left.empty());
}

} // namespace
} // namespace pgkeep::findings
