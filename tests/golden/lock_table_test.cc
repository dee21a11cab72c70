// The lock table (src/lint/lock_table.cc) against real servers. A case tests/golden/locks/<row>.sql
// (or <row>.<what>.sql) is a setup, a line "-- measure", and one statement. Lines before the setup:
//
//   -- relations: table=orders referenced=customers    which relation has which role of the row
//   -- held-by: SELECT * FROM orders    it runs in no transaction: another session does this first,
//                                       and what it locks and waits for is read while it waits
//
// Measured inside of the statement's transaction: pg_locks of the backend, relfilenodes that
// changed (rewrites; of indexes: builds), rows read by scans. What is locked above ROW SHARE and is
// no part of the row fails the test too.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "golden/audit_case.h"
#include "golden/shared_server.h"
#include "lint/context.h"
#include "lint/lock_table.h"
#include "postgres/sql_parser.h"
#include "support/test_server.h"

namespace pgkeep::test {
namespace {

namespace fs = std::filesystem;
using lint::LockMode;
using lint::LockRow;

constexpr const char* kDatabase = "locks";

struct LockCase {
  std::string name; ///< Of the file, without ".sql".
  std::string row = {};
  std::string held_by = {};
  std::map<std::string, std::string> roles = {}; ///< Relation -> role.
  std::string text = {};
  std::string setup = {};
  std::string statement = {};
};

LockCase read_case(const fs::path& path) {
  LockCase each{.name = path.stem().string()};
  each.row = each.name.substr(0, each.name.find('.'));
  each.text = base::read_file(path).value_or("");
  bool is_setup = true;
  for (const std::string& line : base::split(each.text, '\n')) {
    const auto value_of = [&](std::string_view key) {
      return line.starts_with(key) ? line.substr(key.size()) : std::string{};
    };
    if (line == "-- measure") is_setup = false;
    if (const std::string value = value_of("-- held-by: "); !value.empty()) each.held_by = value;
    for (const std::string& pair : base::split(value_of("-- relations: "), ' ')) {
      if (pair.empty()) continue;
      const std::size_t equals = pair.find('=');
      for (const std::string& relation : base::split(pair.substr(equals + 1), ','))
        each.roles[relation] = pair.substr(0, equals);
    }
    if (line.starts_with("--")) continue;
    (is_setup ? each.setup : each.statement) += line + "\n";
  }
  return each;
}

std::vector<LockCase> lock_cases() {
  std::vector<LockCase> cases;
  for (const fs::directory_entry& file : fs::directory_iterator(golden_directory() / "locks"))
    if (file.path().extension() == ".sql") cases.push_back(read_case(file.path()));
  std::ranges::sort(cases, {}, &LockCase::name);
  return cases;
}

/// What a relation had to bear.
struct Observed {
  LockMode mode = LockMode::none;
  lint::Work work = {};
};

LockMode mode_of(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>(
      {"", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
       "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"});
  const auto found = std::ranges::find(names, name);
  return static_cast<LockMode>(found == names.end() ? 0 : found - names.begin());
}

std::string text_of(const Observed& each) {
  return fmt::format("{}{}{}{}", lint::name_of(each.mode), each.work.rewrites ? " rewrites" : "",
                     each.work.scans ? " scans" : "",
                     each.work.builds_index ? " builds an index" : "");
}

struct Storage {
  std::string name;
  std::string kind;
  std::string file;
  std::string table; ///< Of an index: the oid of its table.
};

/// Relations of users by oid, with the file that holds their rows.
base::Result<std::map<std::string, Storage>> storage(postgres::Connection& connection) {
  PGKEEP_TRY(const postgres::Rows rows,
             connection.query(
                 "SELECT c.oid, c.relname, c.relkind, CASE WHEN c.relkind IN ('r', 'm', 'i') AND "
                 "pg_relation_size(c.oid) > 0 THEN c.relfilenode ELSE 0 END, coalesce(i.indrelid, "
                 "0) FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE "
                 "c.relkind IN ('r', 'p', 'm', 'v', 'i', 'I') AND c.relnamespace IN (SELECT oid "
                 "FROM pg_namespace WHERE nspname IN ('public', 'archive'))"));
  std::map<std::string, Storage> relations;
  for (int row = 0; row < rows.count(); ++row) {
    relations[std::string(rows.text(row, 0))] = {.name = std::string(rows.text(row, 1)),
                                                 .kind = std::string(rows.text(row, 2)),
                                                 .file = std::string(rows.text(row, 3)),
                                                 .table = std::string(rows.text(row, 4))};
  }
  return relations;
}

class Measurement {
public:
  Measurement(const LockCase& golden, const TestServer& server)
      : golden_(golden), server_(server) {}

  /// By the name that a relation had before.
  base::Result<std::map<std::string, Observed>> run() {
    PGKEEP_TRY(postgres::Connection session, server_.connect(kDatabase));
    PGKEEP_TRY(const auto statements, postgres::split_statements(golden_.setup));
    for (const postgres::StatementText& each : statements)
      PGKEEP_CHECK(session.execute(each.sql));
    PGKEEP_CHECK(session.execute("ANALYZE"));
    PGKEEP_TRY(before_, storage(session));
    if (golden_.held_by.empty()) {
      PGKEEP_CHECK(in_transaction(session));
    } else {
      PGKEEP_CHECK(while_held_up(session));
    }
    std::map<std::string, Observed> observed;
    for (const auto& [oid, each] : before_) {
      // The indexes of a locked table are locked with it: only those that a row names count.
      const bool is_index = each.kind == "i" || each.kind == "I";
      if (!is_index || golden_.roles.contains(each.name)) observed[each.name] = observed_[oid];
    }
    return observed;
  }

private:
  base::Result<> read_locks(postgres::Connection& connection, int pid) {
    PGKEEP_TRY(const postgres::Rows rows,
               connection.query(fmt::format("SELECT relation, mode FROM pg_locks WHERE locktype = "
                                            "'relation' AND pid = {}",
                                            pid)));
    for (int row = 0; row < rows.count(); ++row) {
      LockMode& mode = observed_[std::string(rows.text(row, 0))].mode;
      mode = std::max(mode, mode_of(rows.text(row, 1)));
    }
    return {};
  }

  base::Result<> read_files(postgres::Connection& connection) {
    PGKEEP_TRY(const auto after, storage(connection));
    std::set<std::string> old_files = {"0"};
    for (const auto& [oid, each] : before_)
      old_files.insert(each.file);
    for (const auto& [oid, each] : after) {
      // An index that is made anew may take over the file of the old one.
      if (old_files.contains(each.file)) continue;
      if (each.kind == "i") {
        const auto table = after.find(each.table);
        const bool has_rows = table != after.end() && table->second.file != "0";
        observed_[each.table].work.builds_index = has_rows;
      } else if (before_.contains(oid)) {
        observed_[oid].work.rewrites = true;
      }
    }
    return {};
  }

  /// By oid: rows read so far, as the session counts them before it hands its counters over.
  static base::Result<std::map<std::string, int>> rows_read(postgres::Connection& session) {
    PGKEEP_TRY(const postgres::Rows rows,
               session.query("SELECT relid, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM "
                             "pg_stat_xact_user_tables"));
    std::map<std::string, int> read;
    for (int row = 0; row < rows.count(); ++row)
      read[std::string(rows.text(row, 0))] = std::atoi(std::string(rows.text(row, 1)).c_str());
    return read;
  }

  base::Result<> in_transaction(postgres::Connection& session) {
    PGKEEP_CHECK(session.execute("BEGIN"));
    PGKEEP_TRY(auto read_before, rows_read(session));
    PGKEEP_CHECK(session.execute(golden_.statement));
    PGKEEP_CHECK(read_locks(session, session.backend_pid()));
    PGKEEP_TRY(const auto read_after, rows_read(session));
    for (const auto& [oid, count] : read_after)
      observed_[oid].work.scans = count - read_before[oid] > 1;
    PGKEEP_CHECK(read_files(session));
    return session.execute("ROLLBACK");
  }

  /// What it holds and asks for while another session is in its way, and what it did in the end.
  base::Result<> while_held_up(postgres::Connection& session) {
    PGKEEP_TRY(postgres::Connection holder, server_.connect(kDatabase));
    PGKEEP_CHECK(holder.execute("BEGIN"));
    PGKEEP_CHECK(holder.execute(golden_.held_by));
    PGKEEP_TRY(postgres::Connection watcher, server_.connect(kDatabase));
    const int pid = session.backend_pid();
    base::Result<> done;
    {
      const std::jthread statement([&] { done = session.execute(golden_.statement); });
      const auto watched = watch(watcher, pid);
      const auto released = holder.execute("COMMIT");
      if (!watched) return watched;
      if (!released) return released;
    }
    PGKEEP_CHECK(std::move(done));
    return read_files(watcher);
  }

  base::Result<> watch(postgres::Connection& watcher, int pid) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      PGKEEP_TRY(
          const postgres::Rows rows,
          watcher.query(fmt::format("SELECT 1 FROM pg_locks WHERE pid = {} AND NOT granted", pid)));
      if (rows.count() > 0) return read_locks(watcher, pid);
    }
    return base::Error{.code = base::Code::timeout, .what = "the statement was never held up"};
  }

  const LockCase& golden_;
  const TestServer& server_;
  std::map<std::string, Storage> before_;
  std::map<std::string, Observed> observed_; ///< By oid.
};

struct ServerCase {
  LockCase golden;
  postgres::ServerBinaries server;
};
void PrintTo(const LockCase& each, std::ostream* out) {
  *out << each.name;
}
void PrintTo(const ServerCase& each, std::ostream* out) {
  *out << each.golden.name << " on PostgreSQL " << each.server.version.major();
}

class LockTable : public testing::TestWithParam<ServerCase> {
protected:
  void SetUp() override {
    const auto server = SharedServers::get(GetParam().server);
    ASSERT_TRUE(server) << base::to_line(server.error());
    server_ = *server;
    const auto created = server_->create_database(kDatabase);
    ASSERT_TRUE(created) << base::to_line(created.error());
  }
  TestServer* server_ = nullptr;
};

/// The row's claim about a relation; nothing where it does not speak of it.
Observed claim(const LockCase& golden, const std::string& relation, int major) {
  const auto role = golden.roles.find(relation);
  Observed claimed;
  if (role == golden.roles.end()) return claimed;
  for (const LockRow& row : lint::lock_rows()) {
    if (row.id != golden.row || lint::name_of(row.role) != role->second) continue;
    if (major < row.major_first || major > row.major_last) continue;
    claimed = {.mode = row.mode, .work = row.work};
  }
  return claimed;
}

/// Rewriting and building read every row: the table does not say so again. Outside of a
/// transaction scans are not seen.
bool agree(const Observed& seen, const Observed& claimed, bool sees_scans) {
  const lint::Work& work = claimed.work;
  if (seen.work.rewrites != work.rewrites) return false;
  if (!work.rewrites && seen.work.builds_index != work.builds_index) return false;
  const bool is_said_otherwise = work.rewrites || work.builds_index || !sees_scans;
  return is_said_otherwise || seen.work.scans == work.scans;
}

TEST_P(LockTable, SaysWhatTheServerDoes) {
  const LockCase& golden = GetParam().golden;
  const int major = GetParam().server.version.major();
  auto observed = Measurement(golden, *server_).run();
  ASSERT_TRUE(observed) << base::to_line(observed.error());
  for (const auto& [relation, seen] : *observed) {
    const Observed claimed = claim(golden, relation, major);
    const bool is_named = golden.roles.contains(relation);
    // Reading a catalogue's neighbours is no matter: nobody waits for these locks.
    if (!is_named && seen.mode <= LockMode::row_share) continue;
    EXPECT_EQ(seen.mode, claimed.mode)
        << relation << ": the server " << text_of(seen) << ", the table " << text_of(claimed);
    EXPECT_TRUE(agree(seen, claimed, golden.held_by.empty()))
        << relation << ": the server " << text_of(seen) << ", the table " << text_of(claimed);
  }
}

std::vector<ServerCase> server_cases() {
  std::vector<ServerCase> all;
  for (const postgres::ServerBinaries& server : servers_under_test()) {
    const int major = server.version.major();
    if (major != servers_under_test().front().version.major() &&
        major != servers_under_test().back().version.major())
      continue;
    for (const LockCase& golden : lock_cases())
      all.push_back({.golden = golden, .server = server});
  }
  return all;
}

std::string parameter_name(std::string name) {
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, LockTable, testing::ValuesIn(server_cases()), [](const auto& each) {
  return fmt::format("{}_{}", parameter_name(each.param.golden.name),
                     each.param.server.version.major());
});

class LockChoice : public testing::TestWithParam<LockCase> {};

/// The row is the one that lint picks for the statement, knowing what the setup made.
TEST_P(LockChoice, PicksTheRow) {
  const LockCase& golden = GetParam();
  const lint::Script script = lint::Script::read("case.sql", golden.setup + golden.statement);
  ASSERT_EQ(script.sections().size(), 1U);
  const lint::Section& section = script.sections().front();
  const findings::Limits limits = findings::limits_from(base::Config{});
  lint::Schema schema;
  const std::function<bool(std::string_view)> no_server;
  const std::function<postgres::QueryCheck(const std::string&)> nobody_prepares;
  const std::vector<std::string> no_columns;
  const lint::FilePaths no_paths{{}};
  lint::Context context{{.script = script,
                         .section = section,
                         .limits = limits,
                         .server_parses = no_server,
                         .prepare = nobody_prepares,
                         .mandatory_columns = no_columns,
                         .paths = no_paths},
                        schema};
  for (const lint::Statement& statement : section.statements) {
    ASSERT_TRUE(statement.root) << statement.problem;
    const std::vector<lint::Change>& changes = statement.changes; // The context refers to them.
    if (&statement == &section.statements.back()) {
      std::set<std::string> rows;
      for (const lint::Change& change : changes)
        rows.insert(std::string(lint::lock_row_of(change, context)));
      EXPECT_TRUE(rows.contains(golden.row))
          << base::join(std::vector(rows.begin(), rows.end()), " ");
      continue;
    }
    for (const lint::Change& change : changes) {
      const bool is_zone = change.operation == lint::Operation::set && change.name == "timezone";
      if (is_zone) {
        const auto values = change.node.nodes("args");
        context.settings.push_back(
            {.name = change.name, .value = std::string(values.front().node("sval").text("sval"))});
      }
      schema.apply(change);
      if (change.operation == lint::Operation::create_domain)
        context.domains_in_transaction.push_back(change);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, LockChoice, testing::ValuesIn(lock_cases()),
                         [](const auto& each) { return parameter_name(each.param.name); });

TEST(LockTableRows, HaveACaseEach) {
  std::set<std::string_view> rows;
  for (const LockRow& row : lint::lock_rows())
    rows.insert(row.id);
  std::set<std::string, std::less<>> cases;
  for (const LockCase& each : lock_cases()) {
    cases.insert(each.row);
    EXPECT_TRUE(rows.contains(each.row)) << each.name << " is a case of no row";
  }
  for (const std::string_view row : rows)
    EXPECT_TRUE(cases.contains(row)) << row << " has no case in tests/golden/locks";
}

} // namespace
} // namespace pgkeep::test
