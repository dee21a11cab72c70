/// A migration cut into steps: what runs in one transaction, what must run alone, what runs in
/// batches or through a shadow table. Each step is done once, and recorded in the same transaction
/// where it has one.
///
/// Threads: a plain value; the script of the Source must outlive it. Source of what cannot run in a
/// transaction: PostgreSQL manual, the pages of each statement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalog/snapshot.h"
#include "lint/directives.h"
#include "lint/locks.h"
#include "migrate/source.h"

namespace pgkeep::migrate {

enum class StepKind : std::uint8_t {
  transaction, ///< One transaction.
  alone,       ///< A statement that the server refuses inside of one.
  batch,       ///< An UPDATE or DELETE in keyset batches.
  shadow,      ///< An ALTER TABLE, or partitions, through a shadow table.
};
std::string_view name_of(StepKind kind) noexcept;

struct StepStatement {
  std::string sql;                            ///< Without the semicolon.
  std::string shown;                          ///< As it stands in the file: values by their names.
  std::string where;                          ///< "migrations/V003__x.sql:12:1".
  const lint::Statement* statement = nullptr; ///< Never null; the script owns it.
  const lint::Script* script = nullptr;       ///< Never null; the Source owns it.
  std::vector<lint::Effect> locks = {};
  bool is_unknown = false;                   ///< It may lock anything.
  std::optional<std::string_view> data = {}; ///< Of COPY ... FROM stdin: its lines, the script's.
};

struct Step {
  StepKind kind = StepKind::transaction;
  std::vector<StepStatement> statements; ///< Of a shadow: its partitions follow the first.
  lint::Directive directive = {};        ///< "batch" or "shadow", with its arguments.
  /// "ALTER TABLE orders ADD COLUMN note text and 2 more".
  [[nodiscard]] std::string title() const;
  /// The strongest lock it takes on a relation that was there before.
  [[nodiscard]] lint::LockMode strongest_lock() const;
};

/// In order. Errors: Code::config with file:line:column for what no runner can run: psql's own
/// commands, data of COPY, a directive in a wrong place, savepoints and rollbacks by hand.
base::Result<std::vector<Step>> steps_of(const Source& source, const catalog::Snapshot* database,
                                         int server_major);

/// One statement of the Source, without what it locks.
StepStatement statement_of(const Source& source, const lint::Statement& statement);

/// Whether the server refuses the statement inside a transaction.
bool runs_alone(const postgres::Node& root);
/// A password, or options where one may stand: neither shown nor kept.
bool holds_secret(const postgres::Node& root);
/// SET, RESET or set_config for the session: what the steps after it rely on.
bool sets_session(const postgres::Node& root);

} // namespace pgkeep::migrate
