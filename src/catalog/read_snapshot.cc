// One transaction, a SAVEPOINT a reader: what fails is rolled back to it and recorded as absent.
// The number of statements depends on the server's version and our rights alone. Releasing one
// savepoint and setting the next travel together, so a reader costs two round trips. While the
// server works on one answer, a second thread takes the one before apart (on 10,000 tables each of
// the two costs more than a second of CPU).
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <future>

#include "base/clock.h"
#include "base/text.h"
#include "catalog/reader.h"
#include "catalog/reader_sql.h"

namespace pgkeep::catalog {
namespace {

/// In the order of reading: what runs now comes first, for its ages; later ones look up what
/// earlier ones brought (columns before indexes). Indexes come before the details of columns, whose
/// questions can only be asked when the columns are known: they give time to take those apart.
/// Sequences come last, for the locks that reading them takes stay until the end.
std::vector<const Reader*> all_readers() {
  std::vector<const Reader*> readers;
  for (const std::span<const Reader> family :
       {server_readers, setting_readers, activity_readers, role_readers, relation_readers,
        column_readers, index_readers, column_detail_readers, object_readers, policy_readers,
        replication_readers, statement_readers, definition_readers, detail_readers, grant_readers,
        sequence_readers}) {
    for (const Reader& reader : family)
      readers.push_back(&reader);
  }
  return readers;
}

/// Whether the other side of our socket is this machine. A pooler in between may be anywhere else,
/// so the server's own view (is_local of its first answer) counts as well.
bool is_peer_here(const postgres::Connection& connection) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getpeername(connection.socket(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return false;
  if (address.ss_family == AF_UNIX) return true;
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    return (ntohl(v4->sin_addr.s_addr) >> 24U) == 127;
  }
  if (address.ss_family != AF_INET6) return false;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
  return std::ranges::equal(v6->sin6_addr.s6_addr, in6addr_loopback.s6_addr);
}

double seconds_now() {
  const auto since = base::SystemClock().now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

constexpr std::string_view kLockNotAvailable = "55P03";

/// DDL took an object away while the statement ran, or holds it now. Our snapshot is the same at
/// the second time, but what the readers ask about the present (locks, rights) is not.
bool is_worth_retrying(const base::Error& error) {
  constexpr std::array<std::string_view, 5> kStates = {"XX000", "42P01", "42704", "42883",
                                                       kLockNotAvailable};
  return std::ranges::find(kStates, error.sqlstate) != kStates.end();
}

class SnapshotReader {
public:
  SnapshotReader(postgres::Connection& connection, const ReadOptions& options)
      : connection_(connection), state_{.db = {}, .probe = {}, .options = options} {}

  base::Result<Snapshot> read() {
    base::Result<> result = read_all();
    wait_for_taking();
    // Nothing was written; what is read is good even if the end of the transaction is not heard.
    const bool is_ended = execute(result ? "COMMIT" : "ROLLBACK", 1).has_value();
    if (!result) return std::move(result).error();
    static_cast<void>(is_ended);
    state_.db.link();
    return std::move(state_.db);
  }

private:
  base::Result<> read_all();
  base::Result<> read_one(const Reader& reader);
  base::Result<> set_savepoint(const Reader& reader);
  base::Result<postgres::Rows> ask(const Reader& reader);
  void take(const Reader& reader, postgres::Rows rows);
  void begin_taking(const Reader& reader, postgres::Rows rows);
  void wait_for_taking() {
    if (taking_.valid()) taking_.get();
  }
  void record_absence(Facts fact, std::string reason);
  base::Result<> execute(const std::string& sql, int statements) {
    state_.db.statement_count += statements;
    return connection_.execute(sql);
  }

  postgres::Connection& connection_;
  ReadState state_;
  Facts seen_ = Facts::none; ///< Of readers that succeeded.
  bool has_savepoint_ = false;
  /// Owns the snapshot (state_ but for probe and statement_count, seen_) while it runs. Last
  /// member: its destructor waits.
  std::future<void> taking_;
};

void SnapshotReader::record_absence(Facts fact, std::string reason) {
  if (fact == Facts::none) return;
  const bool is_known =
      std::ranges::any_of(state_.db.absent, [&](const Absence& each) { return each.fact == fact; });
  if (!is_known) state_.db.absent.push_back({.fact = fact, .reason = std::move(reason)});
}

base::Result<> SnapshotReader::set_savepoint(const Reader& reader) {
  std::string sql =
      has_savepoint_ ? "RELEASE SAVEPOINT section; SAVEPOINT section" : "SAVEPOINT section";
  int statements = has_savepoint_ ? 2 : 1;
  has_savepoint_ = true;
  if (!reader.prelude.empty()) {
    sql += fmt::format("; {}", reader.prelude);
    ++statements;
  }
  return execute(sql, statements);
}

base::Result<postgres::Rows> SnapshotReader::ask(const Reader& reader) {
  if (reader.generate != nullptr || reader.arguments != nullptr) wait_for_taking();
  std::string sql = reader.generate != nullptr
                        ? reader.generate(state_)
                        : std::string(base::trim(expand(reader.sql, state_.probe)));
  // For those who look at the server's log, sessions and statistics. Behind the first word: from 18
  // on pg_stat_statements does not keep what comes before it.
  const std::size_t first_word = std::min(sql.find_first_of(" \n"), sql.size());
  sql.insert(first_word, fmt::format(" /* pgkeep: {} */", reader.name));
  std::vector<std::optional<std::string>> arguments;
  if (reader.arguments != nullptr) arguments = reader.arguments(state_);
  ++state_.db.statement_count;
  return connection_.query(sql, arguments);
}

/// Errors: only when the connection failed or somebody cancelled.
base::Result<> SnapshotReader::read_one(const Reader& reader) {
  PGKEEP_CHECK(set_savepoint(reader));
  base::Result<postgres::Rows> rows = ask(reader);
  if (!rows && is_worth_retrying(rows.error())) {
    PGKEEP_CHECK(execute("ROLLBACK TO SAVEPOINT section", 1));
    // DDL may have begun since its locks were looked up.
    wait_for_taking();
    if (rows.error().sqlstate == kLockNotAvailable) {
      if (const auto locked = ask(lock_reader); locked) lock_reader.take(*locked, state_);
    }
    rows = ask(reader);
  }
  if (!rows) {
    if (rows.error().code == base::Code::cancelled) return rows.error();
    PGKEEP_CHECK(execute("ROLLBACK TO SAVEPOINT section", 1));
    if (has(reader.facts, Facts::server) && reader.facts != Facts::none) return rows.error();
    wait_for_taking();
    record_absence(reader.facts, rows.error().what);
    return {};
  }
  if (reader.leaves_traces) PGKEEP_CHECK(execute("ROLLBACK TO SAVEPOINT section", 1));
  begin_taking(reader, *std::move(rows));
  return {};
}

void SnapshotReader::take(const Reader& reader, postgres::Rows rows) {
  reader.take(rows, state_);
  if (state_.hidden.empty()) {
    seen_ = seen_ | reader.facts;
  } else {
    record_absence(reader.facts, std::exchange(state_.hidden, {}));
  }
}

void SnapshotReader::begin_taking(const Reader& reader, postgres::Rows rows) {
  wait_for_taking();
  if (reader.fills_probe) return take(reader, std::move(rows));
  taking_ = std::async(std::launch::async, [this, &reader, owned = std::move(rows)]() mutable {
    take(reader, std::move(owned));
  });
}

base::Result<> SnapshotReader::read_all() {
  const std::vector<const Reader*> readers = all_readers();
  PGKEEP_CHECK(execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 1));
  int done = 0;
  for (const Reader* reader : readers) {
    if (state_.options.on_progress)
      state_.options.on_progress(done, static_cast<int>(readers.size()), reader->name);
    ++done;
    if (reader->applies != nullptr && !reader->applies(state_.probe)) continue;
    if ((reader->facts & state_.options.left_out) != Facts::none) {
      wait_for_taking();
      record_absence(reader->facts, "it was not asked for");
      continue;
    }
    if (reader->refuse != nullptr) {
      if (std::string reason = reader->refuse(state_.probe); !reason.empty()) {
        wait_for_taking();
        record_absence(reader->facts, std::move(reason));
        continue;
      }
    }
    PGKEEP_CHECK(read_one(*reader));
  }
  wait_for_taking();
  Snapshot& db = state_.db;
  for (const Absence& each : db.absent) {
    const auto without = std::to_underlying(seen_) & ~std::to_underlying(each.fact);
    seen_ = static_cast<Facts>(without);
  }
  db.present = db.present | seen_;
  return {};
}

} // namespace

base::Result<Snapshot> read_snapshot(postgres::Connection& connection, const ReadOptions& options) {
  const double client_now = seconds_now();
  PGKEEP_TRY(Snapshot db, SnapshotReader(connection, options).read());
  db.server.client_now = client_now;
  db.server.is_local = db.server.is_local && is_peer_here(connection);
  const std::string host = connection.host();
  db.server.address = host.find(':') == std::string::npos
                          ? fmt::format("{}:{}", host, connection.port())
                          : fmt::format("[{}]:{}", host, connection.port());
  return db;
}

std::vector<std::string> reader_sql(Facts sections) {
  const ReadOptions options;
  ReadState state{.db = {}, .probe = {}, .options = options};
  state.probe = {.major = postgres::kNewestMajor,
                 .is_superuser = true,
                 .sees_all_statistics = true,
                 .may_read_statistic = true,
                 .may_read_file_settings = true,
                 .may_read_subscription_conninfo = true,
                 .statements_schema = "public",
                 .statements_version = "1.12"};
  std::vector<std::string> texts;
  for (const Reader* reader : all_readers()) {
    const bool is_wanted = (reader->facts & sections) != Facts::none;
    const bool applies = reader->applies == nullptr || reader->applies(state.probe);
    if (is_wanted && applies) texts.emplace_back(base::trim(expand(reader->sql, state.probe)));
  }
  return texts;
}

} // namespace pgkeep::catalog
