/// An UPDATE or DELETE of a whole table as many short transactions, by keyset: no row twice, none
/// missed, also after `kill -9`.
///
/// `-- pgkeep:batch key=id size=5000 max-lag=5s`: the key is a unique column (or several, comma
/// separated) that the statement does not change; its place is kept in the step's record, in the
/// same transaction as the rows. Rows with keys above the highest one at the beginning are left:
/// they came later, and whoever began the backfill has seen to it that they are right.
/// Threads: one, beside that of Watch. Errors: Code::config for a statement that cannot be cut,
/// Code::sql of the server with the statement's place.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/history.h"
#include "migrate/polite.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

struct BatchOptions {
  std::vector<std::string> key;
  std::int64_t size = 5'000; ///< Rows of the key looked at in one transaction, at most.
  std::chrono::milliseconds lag_max{10'000}; ///< Pauses while a standby is further behind.
  /// A batch is made as long as this many milliseconds take: longer, and others wait for its rows.
  std::chrono::milliseconds target{20};
  int active_max = 0; ///< Pauses while more sessions are at work; 0 = does not look.
};
/// Errors: Code::config, with what is wrong.
base::Result<BatchOptions> batch_options(const Step& step);

/// The statement, cut so that a range of keys can stand in its WHERE.
struct BatchSql {
  std::string table;            ///< Quoted, as the statement names it.
  std::string alias;            ///< What its columns are qualified with.
  std::string front;            ///< Up to where WHERE stands or would stand.
  std::string back;             ///< " AND (the condition)", or nothing.
  std::vector<std::string> key; ///< Quoted.

  /// The highest key, and how many rows there are about.
  [[nodiscard]] std::string first() const;
  /// The key at which the next batch of `size` keys ends; no row where fewer are left. Parameters:
  /// the cursor unless it is the first batch, then the end of all.
  [[nodiscard]] std::string next(bool is_first, std::int64_t size) const;
  /// The last key of what is left, at most `size` keys, and how many they are. Parameters: as
  /// next().
  [[nodiscard]] std::string rest(bool is_first, std::int64_t size) const;
  /// The statement for one batch. Parameters: the cursor unless it is the first, then its end.
  [[nodiscard]] std::string change(bool is_first) const;

private:
  [[nodiscard]] std::string range(bool is_first) const;
};
base::Result<BatchSql> batch_sql(const Step& step, const BatchOptions& options);

/// Goes on where `position` (of the step's record) says; null begins.
base::Result<Outcome> run_batches(Servers& servers, const PoliteStep& step, const StepKey& key,
                                  const base::Json& position, const Patience& patience);

} // namespace pgkeep::migrate
