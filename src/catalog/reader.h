/// A reader: one statement that fills one section of a Snapshot, as a row of a table.
///
/// The tables are in readers/*.cc, one file a topic; read_snapshot.cc runs them in one transaction.
/// Texts hold {{names}} for what depends on the server's version, our rights or the place of an
/// extension: readers/versions.cc is the one place that knows versions. search_path is pg_catalog.
///
/// A lock on a user's relation would wait behind DDL, and others behind it. So no
/// pg_relation_size(), no pg_get_publication_tables(), and no pg_get_indexdef() for what can be put
/// together from parts (it is slow as well). What names columns in an expression cannot be put into
/// words without a lock (ruleutils.c opens the relation): relations that DDL holds or waits for are
/// left out of all sections, with a note.
/// Private to src/catalog. Thread-safety: constants and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "catalog/decode.h"
#include "catalog/facts.h"
#include "catalog/snapshot.h"
#include "postgres/conn.h"

namespace pgkeep::catalog {

/// What the first statements learn of the server and our rights: it decides which texts are sent.
/// Rights are asked for beforehand where a refusal is ordinary, so that an audit leaves no ERROR in
/// the server's log.
struct Probe {
  std::int32_t major = 0;
  bool is_standby = false;
  bool is_superuser = false;
  bool sees_all_statistics = false; ///< pg_read_all_stats.
  bool may_read_statistic = false;  ///< pg_statistic itself.
  bool may_read_passwords = false;
  bool may_read_hba = false;
  bool may_read_file_settings = false;
  bool may_list_wal = false;
  bool may_list_archive_status = false;
  bool may_read_control = false;
  bool may_read_subscription_conninfo = false;
  bool has_cron = false; ///< pg_cron is in this database, and we may read its jobs.
  bool is_statements_preloaded = false;
  std::string statements_schema =
      {}; ///< Of pg_stat_statements; empty = not created in this database.
  std::string statements_version = {}; ///< "1.10".
  std::int64_t lock_slots = 0;         ///< Room of the lock table.
  std::vector<OidNumber> locked = {};  ///< Relations that DDL holds or waits for.
};

/// A sequence whose last value may be compared with its column.
struct SequenceColumn {
  OidNumber sequence = 0;
  OidNumber relation = 0;
  std::int32_t column = 0;
};

/// Columns by their table; null where they are not known. The columns must be sorted and stay where
/// they are.
class ColumnFinder {
public:
  explicit ColumnFinder(Snapshot& db);
  [[nodiscard]] Column* find(OidNumber relation, std::int32_t number) const;
  [[nodiscard]] Column* find(std::string_view schema, std::string_view relation,
                             std::string_view column) const;

private:
  [[nodiscard]] std::span<Column> columns_of(OidNumber relation) const;
  Snapshot& db_;
  std::unordered_map<OidNumber, std::pair<std::uint32_t, std::uint32_t>> places_; ///< First, count.
  std::unordered_map<std::string, OidNumber> names_; ///< schema NUL name.
};

struct ReadState {
  Snapshot db;
  Probe probe;
  const ReadOptions& options;
  std::vector<SequenceColumn> comparable = {}; ///< Filled by reader `sequence values`.
  std::optional<ColumnFinder> finder = {};     ///< By finder_of().
  /// Set by a reader's `take`: why the section does not count as present although it was read.
  std::string hidden = {};
};

/// Made at the first call: after the readers of relations and columns.
const ColumnFinder& finder_of(ReadState& state);

struct Reader {
  std::string_view name;  ///< "relations": for progress and messages.
  Facts facts;            ///< none: what it reads stays at the defaults when it fails.
  std::string_view title; ///< What is read, for people.
  std::string_view sql;
  void (*take)(const postgres::Rows& rows, ReadState& state);
  /// False: another reader of the same section is meant for this server or these rights.
  bool (*applies)(const Probe& probe) = nullptr;
  /// Why it is not worth asking (no right, no extension); empty = ask.
  std::string (*refuse)(const Probe& probe) = nullptr;
  /// Values of $1, $2.
  std::vector<std::optional<std::string>> (*arguments)(const ReadState& state) = nullptr;
  /// In place of `sql`, which then shows the pattern only.
  std::string (*generate)(ReadState& state) = nullptr;
  /// What later questions depend on: nothing runs beside it.
  bool fills_probe = false;
  /// Rolled back afterwards: gives locks and SET LOCAL back.
  bool leaves_traces = false;
  std::string_view prelude = {}; ///< SET LOCAL ..., before the statement.
};

extern const std::span<const Reader> server_readers;
extern const std::span<const Reader> setting_readers;
extern const std::span<const Reader> activity_readers;
extern const std::span<const Reader> role_readers;
extern const std::span<const Reader> relation_readers;
extern const std::span<const Reader> column_readers;
extern const std::span<const Reader> column_detail_readers;
extern const std::span<const Reader> index_readers;
extern const std::span<const Reader> sequence_readers;
extern const std::span<const Reader> object_readers;
extern const std::span<const Reader> policy_readers;
extern const std::span<const Reader> replication_readers;
extern const std::span<const Reader> statement_readers;
extern const std::span<const Reader> definition_readers;
extern const std::span<const Reader> detail_readers;
extern const std::span<const Reader> grant_readers;

/// Finds Probe::locked. It is sent again when a statement could not get a lock.
extern const Reader& lock_reader;

/// The text with every {{name}} replaced.
std::string expand(std::string_view sql, const Probe& probe);

/// The text with every text constant replaced by '' (names of objects, '...'::regclass, stay).
std::string without_literals(std::string_view expression);

/// `take` for a list: .take = take_list<&Snapshot::roles>.
template <auto Member>
void take_list(const postgres::Rows& rows, ReadState& state) {
  using List = std::remove_reference_t<decltype(state.db.*Member)>;
  state.db.*Member = decode_rows<typename List::value_type>(rows);
}
/// `take` for a single row: .take = take_one<&Snapshot::archiver>.
template <auto Member>
void take_one(const postgres::Rows& rows, ReadState& state) {
  using One = std::remove_reference_t<decltype(state.db.*Member)>;
  state.db.*Member = decode_row<One>(rows);
}

/// `take` for the readers that share Snapshot::definitions.
void take_definitions(const postgres::Rows& rows, ReadState& state);

/// A value of a row by its column's name, for rows that are no struct of a Snapshot.
template <typename T>
T value_of(const postgres::Rows& rows, int row, int column, T fallback = {}) {
  if (column >= 0 && !rows.is_null(row, column)) decode_value(rows.text(row, column), fallback);
  return fallback;
}
template <typename T>
T value_of(const postgres::Rows& rows, int row, std::string_view name) {
  const int column = rows.column_index(name);
  PGKEEP_ASSERT(column >= 0);
  return value_of<T>(rows, row, column);
}

} // namespace pgkeep::catalog
