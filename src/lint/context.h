/// Where a statement stands: what was set, created and locked before it, and in which transaction.
///
/// The engine (linter.cc) keeps it; rules read it. Private to src/lint. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/snapshot.h"
#include "findings/limits.h"
#include "lint/change.h"
#include "lint/file_paths.h"
#include "lint/lock_model.h"
#include "lint/lock_orders.h"
#include "lint/schema.h"
#include "lint/script.h"
#include "postgres/query_check.h"

namespace pgkeep::lint {

/// SET lock_timeout, say, as it holds now.
struct SettingState {
  std::string name;
  std::string value;                   ///< As written: "2s".
  std::optional<std::int64_t> ms = {}; ///< Where it is a duration.
  bool is_local = false;
  std::size_t offset = 0;
};

struct HeldLock {
  RelationName relation;
  LockMode mode = LockMode::none;
  std::size_t offset = 0; ///< Of the statement that took it.
};

/// Locked against reads.
struct LockedRelation {
  RelationName relation;
  LockOrders::Number number = 0;
};

/// What is the same for all statements of a section.
struct Surroundings {
  const Script& script;
  const Section& section;
  const findings::Limits& limits;
  int server_major = 15;
  const catalog::Snapshot* database = nullptr; ///< Null: no database was given.
  /// Options::server_parses.
  const std::function<bool(std::string_view statement)>& server_parses;
  /// Options::prepare, Options::mandatory_columns.
  const std::function<postgres::QueryCheck(const std::string& sql)>& prepare;
  const std::vector<std::string>& mandatory_columns;
  const FilePaths& paths;
};

struct Context : Surroundings {
  Schema& schema; ///< Before the statement at hand.
  /// Of the transactions before this one; null where no rule asks for them.
  const LockOrders* lock_orders = nullptr;

  bool is_online = false;   ///< The statement's work is done beside the table in use.
  bool is_in_block = false; ///< The statement stands in a DO block, which is one transaction.
  bool has_begin = false;   ///< BEGIN stands before, and no COMMIT since.
  std::size_t begin_offset = 0;
  bool was_begun = false; ///< The same, before a step of pgkeep's own ended it.
  std::vector<SettingState> settings = {};
  /// Since the transaction began (or of the statement alone where there is none).
  std::vector<HeldLock> locks = {};
  /// The relations of those that block reads, each once, in the order of their first locks. Empty
  /// without `lock_orders`.
  std::vector<LockedRelation> locked_against_reads = {};
  /// Relations created since the transaction began: nobody else sees them.
  std::vector<RelationName> created_in_transaction = {};
  /// Names of constraints added NOT VALID since the transaction began: "schema.table.name".
  std::vector<std::string> added_in_transaction = {};
  /// CREATE DOMAIN since the transaction began. Of the Script's statements.
  std::vector<std::reference_wrapper<const Change>> domains_in_transaction = {};
  /// Statements of the section, before this one, that took a lock for which writes wait on a
  /// relation in use: where the first and the last of them begin.
  std::optional<std::size_t> first_strong_lock = {};
  std::optional<std::size_t> last_strong_lock = {};
  /// Views and sequences that the files have created so far: Schema knows tables alone.
  const RelationSet* created = nullptr;
  /// Relations that the files have created, changed or dropped so far; null where nothing is
  /// prepared.
  const RelationSet* changed = nullptr;

  /// Statements before this one and this one share one transaction.
  [[nodiscard]] bool in_transaction() const {
    return has_begin || is_in_block || section.transaction == TransactionMode::managed ||
           (section.transaction == TransactionMode::one_text && section.statements.size() > 1);
  }
  /// As in_transaction(), and also where pgkeep's runner opens the transaction: what one statement
  /// locks, the next still holds.
  [[nodiscard]] bool shares_transaction() const {
    return in_transaction() || section.transaction == TransactionMode::steps;
  }
  [[nodiscard]] const SettingState* setting(std::string_view name) const;
  /// Whether the relation existed before and may have rows and users: not created by this text,
  /// not temporary, and not known to be empty.
  [[nodiscard]] bool is_in_use(const RelationName& relation) const;
  /// "orders (2,000,000 rows)" where sizes are known.
  [[nodiscard]] std::string with_size(const RelationName& relation) const;
};

} // namespace pgkeep::lint
