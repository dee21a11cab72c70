#include "migrate/check.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "migrate/polite.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {
namespace {

/// What the script says about transactions is ours to do; savepoints are its own.
enum class Transaction : std::uint8_t { none, ours, refused };
Transaction transaction_of(const postgres::Node& root) {
  if (!root.is("TransactionStmt")) return Transaction::none;
  constexpr auto ours = std::to_array<std::string_view>(
      {"TRANS_STMT_BEGIN", "TRANS_STMT_START", "TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK"});
  constexpr auto inside = std::to_array<std::string_view>(
      {"TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE", "TRANS_STMT_ROLLBACK_TO"});
  const std::string_view kind = root.name("kind");
  if (std::ranges::find(ours, kind) != ours.end()) return Transaction::ours;
  return std::ranges::find(inside, kind) != inside.end() ? Transaction::none : Transaction::refused;
}

base::Result<> run_statements(postgres::Connection& server, const Source& check) {
  for (const lint::Section* section : check.sections()) {
    for (const lint::Statement& statement : section->statements) {
      if (statement.origin != lint::Origin::text) continue;
      const StepStatement step = statement_of(check, statement);
      const Transaction transaction = transaction_of(statement.root);
      if (transaction == Transaction::ours) continue;
      if (transaction == Transaction::refused)
        return base::Error{.code = base::Code::config,
                           .what = "a check cannot leave a transaction behind",
                           .where = place_in(step, 0),
                           .expected = "queries; all of it is rolled back"};
      auto done = step.data ? server.copy_in(step.sql, *step.data) : server.query(step.sql);
      if (done) continue;
      base::Error error = std::move(done).error();
      error.where = place_in(step, server.last_error_position());
      return error;
    }
  }
  return {};
}

} // namespace

base::Result<> run_check(postgres::Connection& server, const Source& check) {
  if (!check.refused.empty()) return check.refused.front();
  PGKEEP_CHECK(server.execute("BEGIN; SET LOCAL lock_timeout = '5s'"));
  base::Result<> done = run_statements(server, check);
  if (auto ended = server.execute("ROLLBACK"); !ended && done) return ended;
  return done;
}

} // namespace pgkeep::migrate
