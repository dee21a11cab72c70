// Rules against real servers: each case runs in a fresh database of every server under test, and
// the fixes that a rule writes are run there, after which the same rule must be content.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "golden/audit_case.h"
#include "golden/shared_server.h"
#include "postgres/sql_parser.h"
#include "support/test_server.h"

namespace pgkeep::test {
namespace {

constexpr const char* kDatabase = "golden";
constexpr std::chrono::milliseconds kCountersLimit{5'000};

struct SqlCase {
  AuditCase golden;
  postgres::ServerBinaries server;
};

void PrintTo(const SqlCase& each, std::ostream* out) {
  *out << each.golden.rule << " on PostgreSQL " << each.server.version.major();
}

std::vector<SqlCase> sql_cases() {
  std::vector<SqlCase> cases;
  for (const postgres::ServerBinaries& server : servers_under_test()) {
    for (AuditCase& each : audit_cases()) {
      if (each.has_sql) cases.push_back({.golden = std::move(each), .server = server});
    }
  }
  return cases;
}

/// "-- min-version: 15" in the first line; 0 where there is none.
int min_version_of(std::string_view sql) {
  constexpr std::string_view kMark = "-- min-version:";
  const std::string_view line = sql.substr(0, sql.find('\n'));
  if (!line.starts_with(kMark)) return 0;
  int version = 0;
  for (const char c : base::trim(line.substr(kMark.size()))) {
    if (c >= '0' && c <= '9') version = version * 10 + (c - '0');
  }
  return version;
}

/// One statement after the other, so that those that refuse a transaction block work. Text that our
/// parser does not know goes to the server as it is.
base::Result<> run_script(postgres::Connection& connection, const std::string& sql) {
  const auto statements = postgres::split_statements(sql);
  if (!statements) return connection.execute(sql);
  for (const postgres::StatementText& each : *statements) {
    if (auto done = connection.execute(each.sql); !done) {
      return base::with_where(std::move(done).error(), each.sql.substr(0, 60));
    }
  }
  return {};
}

base::Result<findings::Report> audit_case(TestServer& server, const AuditCase& golden) {
  PGKEEP_TRY(const findings::Limits limits, limits_of(golden));
  PGKEEP_TRY(postgres::Connection connection, server.connect(kDatabase));
  PGKEEP_TRY(catalog::Snapshot db,
             catalog::read_snapshot(connection, {.left_out = catalog::kComparedOnly}));
  // What a caller on a machine without replicas knows; facts of this machine would make the result
  // depend on it.
  db.outside.clock = db.server.client_now;
  catalog::ReplicaUse& replicas = db.outside.replicas.emplace();
  replicas.confirmed_none = true;
  replicas.stats_since = db.server.stats_since;
  catalog::mark_outside(db);
  return judge_one(db, golden.rule, limits);
}

/// Counters of sessions that ended are there at once from 15 on; 14 sends them to a collector,
/// whose moment nobody can ask for.
base::Result<findings::Report> audit_until(TestServer& server, const AuditCase& golden,
                                           const std::vector<std::string>& wanted) {
  auto report = audit_case(server, golden);
  if (server.major() >= 15) return report;
  base::wait_until(kCountersLimit, [&] {
    if (!report || finding_lines(*report) == wanted) return true;
    report = audit_case(server, golden);
    return false;
  });
  return report;
}

base::Result<> drop_case_roles(TestServer& server) {
  PGKEEP_TRY(postgres::Connection admin, server.connect());
  PGKEEP_TRY(
      const postgres::Rows rows,
      admin.query("SELECT format('DROP OWNED BY %1$I; DROP ROLE %1$I', rolname) FROM pg_roles "
                  "WHERE rolname LIKE 'g\\_%'"));
  for (int row = 0; row < rows.count(); ++row) {
    PGKEEP_CHECK(admin.execute(std::string(rows.text(row, 0))));
  }
  return {};
}

class AuditGoldenSql : public testing::TestWithParam<SqlCase> {
protected:
  void SetUp() override {
    const auto server = SharedServers::get(GetParam().server);
    ASSERT_TRUE(server) << base::to_line(server.error());
    server_ = *server;
  }
  void TearDown() override {
    if (server_ == nullptr) return;
    const auto dropped = server_->drop_database(kDatabase);
    EXPECT_TRUE(dropped) << base::to_line(dropped.error());
    const auto roles = drop_case_roles(*server_);
    EXPECT_TRUE(roles) << base::to_line(roles.error());
  }

  /// Whether the case is for this server's version.
  bool is_for_this_version(const std::string& kind) {
    const auto sql = base::read_file(GetParam().golden.folder / (kind + ".sql"));
    return !sql || min_version_of(*sql) <= server_->major();
  }
  /// Runs flags.sql or leaves.sql in a fresh database; false after a failure was reported.
  bool prepare(const std::string& kind) {
    const auto path = GetParam().golden.folder / (kind + ".sql");
    const auto sql = base::read_file(path);
    EXPECT_TRUE(sql) << path;
    if (!sql) return false;
    const auto created = server_->create_database(kDatabase);
    EXPECT_TRUE(created) << base::to_line(created.error());
    auto connection = server_->connect(kDatabase);
    EXPECT_TRUE(connection) << base::to_line(connection.error());
    if (!created || !connection) return false;
    const auto done = run_script(*connection, *sql);
    EXPECT_TRUE(done) << path << ": " << base::to_line(done.error());
    return done.has_value();
  }

  findings::Report judge(const std::vector<std::string>& wanted) {
    auto report = audit_until(*server_, GetParam().golden, wanted);
    EXPECT_TRUE(report) << base::to_line(report.error());
    return report ? *std::move(report) : findings::Report{};
  }

  /// Runs every fix that is not manual, in the order of phases, each statement on its own.
  void apply_fixes(const findings::Report& report) {
    std::vector<const findings::Fix*> fixes;
    for (const findings::Finding& finding : report.findings) {
      if (finding.fix && finding.fix->safety != findings::Safety::manual)
        fixes.push_back(&*finding.fix);
    }
    std::ranges::stable_sort(fixes, {}, [](const findings::Fix* fix) { return fix->phase; });
    auto connection = server_->connect(kDatabase);
    ASSERT_TRUE(connection) << base::to_line(connection.error());
    for (const findings::Fix* fix : fixes) {
      for (const std::string& sql : fix->sql) {
        const auto done = connection->execute(sql);
        EXPECT_TRUE(done) << sql << ": " << base::to_line(done.error());
      }
    }
  }

  TestServer* server_ = nullptr;
};

TEST_P(AuditGoldenSql, FlagsAndItsFixesMend) {
  const AuditCase& golden = GetParam().golden;
  if (!std::filesystem::exists(golden.folder / "flags.sql")) GTEST_SKIP() << "flags by a snapshot";
  if (!is_for_this_version("flags")) GTEST_SKIP() << "not on this version";
  if (!prepare("flags")) return;
  std::vector<std::string> wanted = expected_lines(golden);
  const findings::Report report = judge(wanted);
  update_expected(golden, finding_lines(report));
  wanted = expected_lines(golden);
  EXPECT_EQ(finding_lines(report), wanted) << "skipped: " << skip_reasons(report);
  for (const findings::Finding& finding : report.findings) {
    EXPECT_EQ(faults_of(finding), std::vector<std::string>{});
  }
  apply_fixes(report);
  std::vector<std::string> manual = wanted;
  std::erase_if(manual, [](const std::string& line) { return !line.ends_with(" manual"); });
  const findings::Report after = judge(manual);
  EXPECT_EQ(finding_lines(after), manual)
      << "after its fixes were run; skipped: " << skip_reasons(after);
}

TEST_P(AuditGoldenSql, LeavesWhatIsRight) {
  const AuditCase& golden = GetParam().golden;
  if (!std::filesystem::exists(golden.folder / "leaves.sql"))
    GTEST_SKIP() << "leaves by a snapshot";
  if (!is_for_this_version("leaves")) GTEST_SKIP() << "not on this version";
  if (!prepare("leaves")) return;
  const findings::Report report = judge({});
  EXPECT_EQ(finding_lines(report), std::vector<std::string>{});
  EXPECT_EQ(report.passed, std::vector<std::string>{golden.rule})
      << "skipped: " << skip_reasons(report);
}

INSTANTIATE_TEST_SUITE_P(Rules, AuditGoldenSql, testing::ValuesIn(sql_cases()),
                         [](const auto& each) {
                           return fmt::format("{}_{}",
                                              base::replace_all(each.param.golden.rule, "-", "_"),
                                              each.param.server.version.major());
                         });

} // namespace
} // namespace pgkeep::test
