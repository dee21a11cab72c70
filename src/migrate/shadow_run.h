/// The run of one shadow table: what its phases share. Private to src/migrate.
///
/// Phases, each recorded in the transaction that does it, or harmless to do again:
///   (none)     the shadow table and the log are made            -> "created"
///   created    the triggers are put on the table                -> "copying"
///   copying    rows are copied, batch by batch, with a cursor   -> "indexes"
///   indexes    indexes are built, one by one                    -> "checking"
///   checking   rows are compared, with a cursor                 -> "swapping"
///   swapping   copies of materialized views are filled; then names and all that hangs on the
///              table move                                       -> "swapped"
///   swapped    foreign keys are validated; those of a table that has become partitions hold on
///              each partition first, and are put on the table itself one by one
///                                                                 -> the step is done
///
/// Changes are caught as keys in a log, and replayed by reading the table again. A trigger that
/// wrote into the shadow table itself would make writers wait for our batches, fail with our
/// unique indexes, and write every index twice; a row in a log makes nobody wait for anybody.
/// It is also what makes it right: a replay runs in REPEATABLE READ, takes every key that its one
/// snapshot sees in the log and gives it the row that the same snapshot sees in the table. After
/// it the shadow is the table as of that snapshot (as far as it is copied): unique indexes and
/// rows that swap their values cannot clash. What commits later is in the log still. Keys that are
/// still to be copied are taken out of the log unread: the copy's snapshot will be a later one.
/// Threads: one, beside that of Watch.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "migrate/batch_pace.h"
#include "migrate/history.h"
#include "migrate/polite.h"
#include "migrate/shadow_partitions.h"

namespace pgkeep::migrate {

/// What the directive says.
struct ShadowOptions {
  std::vector<std::string> key; ///< Names as the catalog has them; empty: the primary key.
  /// Nobody waits for the rows of a batch: it may take longer than one that changes rows.
  PaceOptions pace = {.size_max = 50'000, .target = std::chrono::milliseconds{100}};
  bool keeps_old = true;
};
base::Result<ShadowOptions> shadow_options(const Step& step);

/// The user's statement, so that it can be run on another table.
struct ShadowAlter {
  std::string table;       ///< As the statement writes it.
  std::string before = {}; ///< "ALTER TABLE ".
  std::string after = {};  ///< " ALTER COLUMN total TYPE bigint USING ..."
  /// What USING says for a column.
  struct Using {
    std::string column;
    std::string expression;
  };
  std::vector<Using> usings = {};
  /// The statement is a CREATE TABLE ... PARTITION BY: nothing is altered.
  std::optional<ShadowPartitioning> partitioning = {};
  [[nodiscard]] std::string on(const std::string& other) const { return before + other + after; }
};
/// Errors: Code::config for what does not belong into a rewrite.
base::Result<ShadowAlter> shadow_alter(const Step& step);

/// Names, quoted, of what belongs to a table that is rewritten.
struct ShadowNames {
  std::int64_t oid = 0;
  std::string schema; ///< Not quoted.
  std::string name;   ///< Not quoted.
  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string shadow() const;
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::string trigger() const; ///< Of rows.
  [[nodiscard]] std::string truncate_trigger() const;
};

/// A column that both tables have and that is stored.
struct ShadowColumn {
  std::string name;  ///< Quoted.
  std::string value; ///< What the copy puts there, from the table's row.
  std::string type;  ///< Of the shadow's.
};

/// Statements on rows; of no state. Parameters of ranges: the cursor unless it is the first, then
/// the end.
struct ShadowSql {
  ShadowNames names;
  std::vector<std::string> key; ///< Quoted.
  std::vector<ShadowColumn> columns;

  /// The highest key, and the rows about.
  [[nodiscard]] std::string last_key() const;
  /// The `size`-th key of what is left; no row where fewer are left.
  [[nodiscard]] std::string bound(bool is_first, std::int64_t size) const;
  /// Copies a range.
  [[nodiscard]] std::string copy(bool is_first) const;
  /// The key at which the next range ends, and how many rows are in it.
  [[nodiscard]] std::string next(bool is_first, std::int64_t size) const;
  /// Keys of the range whose rows differ and that the log does not know, at most five. The last
  /// range has no end.
  [[nodiscard]] std::string differing(bool is_first, bool is_last) const;
  /// Which keys of the log a replay takes; those that are still to be copied it leaves out: the
  /// copy will read their rows as they are then, which is later.
  enum class Replay {
    all,            ///< The copy is done.
    nothing_copied, ///< Keys behind the end. Parameters: the end.
    partly_copied,  ///< Keys up to the cursor and behind the end. Parameters: both.
  };
  /// The rows of these keys, out of the shadow and in again as the table has them.
  [[nodiscard]] std::string replay_delete(Replay replay) const;
  [[nodiscard]] std::string replay_insert(Replay replay) const;

private:
  /// A condition on l, the log.
  [[nodiscard]] std::string in_log(Replay replay) const;
};

class ShadowRun {
public:
  ShadowRun(Servers& servers, const PoliteStep& step, StepKey key, const Patience& patience,
            ShadowOptions options, ShadowAlter alter);

  base::Result<Outcome> run(const base::Json& position);

private:
  /// As the step's record keeps it.
  struct Position {
    std::string phase;
    std::int64_t oid = 0;
    std::string schema;
    std::string name;
    std::vector<std::string> key; ///< Not quoted.
    std::vector<std::string> cursor;
    std::vector<std::string> end;
    std::int64_t seen = 0;
    std::int64_t total = 0;
    std::string definition;            ///< Of the table's columns and constraints, hashed.
    std::vector<std::string> validate; ///< Statements for after the swap.
    std::vector<std::string> attach;   ///< For after those, each to be done once.
    [[nodiscard]] base::Json to_json() const;
    static Position from(const base::Json& json);
  };

  // shadow_create.cc
  base::Result<> create();
  base::Result<> catch_changes();
  base::Result<> resolve();
  base::Result<> choose_key();
  base::Result<> refuse_what_cannot();
  base::Result<> check_key_order();
  [[nodiscard]] base::Result<std::string> key_index_sql(const std::string& index_oid);
  // shadow_partition_run.cc
  base::Result<> refuse_partitioning();
  base::Result<> make_partitions();
  base::Result<> attach_keys();
  /// Parameters of shadow_swap_sql(): oid, shadow, names and schemas of partitions.
  [[nodiscard]] std::vector<std::optional<std::string>> swap_values() const;
  // shadow_copy.cc
  base::Result<> copy_rows();
  base::Result<bool> copy_batch();
  base::Result<std::int64_t> replay();
  base::Result<std::int64_t> replay_in_transaction();
  base::Result<> catch_up();
  // shadow_indexes.cc
  base::Result<> build_indexes();
  // shadow_matviews.cc
  /// A materialized view that reads the table, and how its copy is made.
  struct Matview {
    std::string oid;
    std::string name;     ///< Qualified, as SQL.
    std::string copy;     ///< Qualified, as SQL.
    std::string create;   ///< On the new table.
    std::string settings; ///< Statements, or empty.
  };
  base::Result<std::vector<Matview>> matviews();
  /// Makes the copies that are missing; takes away those of views that are no more, and (`anew`)
  /// all that an earlier run has made: they may be old.
  base::Result<> build_matviews(bool anew);
  base::Result<> build_matview(const Matview& view);
  // shadow_check.cc
  base::Result<> check_rows();
  base::Result<bool> check_batch();
  base::Result<std::string> differences(const std::vector<std::string>& to);
  // shadow_swap.cc
  base::Result<> swap();
  /// What a swap locks: `named` by LOCK TABLE, all of them by what it does.
  struct SwapLocks {
    std::vector<lint::RelationName> all;
    std::vector<std::string> named; ///< As SQL.
  };
  base::Result<SwapLocks> swap_locks();
  /// What the swap does before and under its lock.
  struct SwapStatements {
    std::string early;
    std::string late;
  };
  base::Result<SwapStatements> swap_statements();
  base::Result<bool> try_swap(const SwapLocks& locks);
  base::Result<> finish();

  // shadow.cc
  base::Result<> go();
  base::Result<> load();
  /// BEGIN with what every transaction of ours needs; `more` follows.
  base::Result<> begin(std::string_view more);
  /// The position into the record, and COMMIT.
  base::Result<> commit(const Position& position, std::int64_t rows = 0);
  /// The same for a transaction that has held locks since `locked` for which others wait.
  base::Result<> commit_locked(const Position& position,
                               std::chrono::steady_clock::time_point locked);
  /// The same transaction until its locks were had: `attempt` returns an error of a lock.
  base::Result<> politely(lint::LockMode mode, const std::vector<lint::RelationName>& relations,
                          const std::function<base::Result<>()>& attempt);
  base::Result<std::string> definition();
  base::Result<> check_definition();
  void tell_progress(std::string text, std::int64_t done, std::int64_t total);
  [[nodiscard]] base::Error failed(base::Error error) const;
  [[nodiscard]] base::Error refused(std::string what, std::string expected) const;

  Servers& servers_;
  const PoliteStep& step_;
  StepKey key_;
  const Patience& patience_;
  ShadowOptions options_;
  ShadowAlter alter_;
  Position position_;
  ShadowNames names_;
  ShadowSql sql_;
  Pace pace_;
  Outcome outcome_;
  double locked_ms_ = 0; ///< Of the last commit_locked().
  std::int64_t replayed_since_vacuum_ = 0;
  std::chrono::steady_clock::time_point told_;
  std::chrono::steady_clock::time_point replayed_;
};

/// Whether trying again may help: a lock not had, a deadlock, a serialization failure.
bool is_lock_error(const base::Error& error);
/// Runs the query with $1 = oid (and $2 = the shadow's name where it is asked for), one text a row.
base::Result<std::vector<std::string>> texts_of(postgres::Connection& server,
                                                const std::string& sql,
                                                std::span<const std::optional<std::string>> values);
/// "{\"a\",\"b\"}".
std::string array_literal(const std::vector<std::string>& items);

} // namespace pgkeep::migrate
