#include "migrate/declare/trial.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/interrupt.h"

namespace pgkeep::migrate::declaring {
namespace {

constexpr std::string_view kNoCast = "42804"; ///< datatype_mismatch.

bool is_remark(const Piece& piece) {
  return piece.text.starts_with("--") && piece.text.find('\n') == std::string::npos;
}

/// All pieces or none, where a transaction can undo what was done before one that fails; else
/// `done_count` says where to go on.
base::Result<> run_pieces(postgres::Connection& database, const Pieces& pieces,
                          std::size_t& done_count) {
  const bool is_alone =
      std::ranges::any_of(pieces, [](const Piece& each) { return each.place != Place::shared; });
  const bool in_transaction = !is_alone && pieces.size() > 1;
  if (in_transaction) PGKEEP_CHECK(database.execute("BEGIN"));
  for (std::size_t i = done_count; i < pieces.size(); ++i) {
    if (is_remark(pieces[i])) continue;
    auto done = database.execute(pieces[i].text);
    if (done) {
      if (!in_transaction) done_count = i + 1;
      continue;
    }
    if (in_transaction) PGKEEP_CHECK(database.execute("ROLLBACK"));
    return done;
  }
  if (in_transaction) PGKEEP_CHECK(database.execute("COMMIT"));
  return {};
}

/// Another one: the table was written anew.
base::Result<std::string> file_of_table(postgres::Connection& database, const std::string& table) {
  if (table.empty()) return std::string();
  const std::array<std::optional<std::string>, 1> arguments = {table};
  PGKEEP_TRY(const postgres::Rows rows,
             database.query(
                 "SELECT pg_catalog.concat_ws(' ', pg_catalog.pg_relation_filenode($1::regclass), "
                 "(SELECT pg_catalog.string_agg(pg_catalog.pg_relation_filenode("
                 "relid)::text, ' ' ORDER BY relid) FROM "
                 "pg_catalog.pg_partition_tree($1::regclass)))",
                 arguments));
  return std::string(rows.text(0, 0));
}

base::Result<> run_action(postgres::Connection& database, Trial::Failure& each) {
  PGKEEP_TRY(const std::string before, file_of_table(database, each.action.retypes));
  auto done = run_pieces(database, each.action.pieces, each.done_count);
  if (!done && done.error().sqlstate == kNoCast && !each.action.otherwise.empty()) {
    each.action.pieces = std::exchange(each.action.otherwise, {});
    done = run_pieces(database, each.action.pieces, each.done_count);
  }
  if (!done || each.action.retypes.empty()) return done;
  PGKEEP_TRY(const std::string after, file_of_table(database, each.action.retypes));
  each.action.comment +=
      before == after ? ", which writes no row anew."
                      : ": this writes the table anew, under a lock that stops reads and writes. "
                        "`pgkeep migrate rewrite` writes the form that does not.";
  return {};
}

} // namespace

base::Result<Trial> run_trial(postgres::Connection& database, Actions actions) {
  Trial trial;
  std::vector<Trial::Failure> waiting;
  for (Action& each : actions)
    waiting.push_back({.action = std::move(each), .why = {}});
  bool goes_on = true;
  while (goes_on && !waiting.empty()) {
    goes_on = false;
    std::vector<Trial::Failure> again;
    for (Trial::Failure& each : waiting) {
      if (base::is_interrupted())
        return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
      auto done = run_action(database, each);
      if (done) {
        trial.done.push_back(std::move(each.action));
        goes_on = true;
        continue;
      }
      if (done.error().code != base::Code::sql) return std::move(done).error();
      each.why = done.error().what;
      again.push_back(std::move(each));
    }
    waiting = std::move(again);
  }
  std::erase_if(waiting, [](const Trial::Failure& each) { return each.action.may_fail; });
  trial.failures = std::move(waiting);
  return trial;
}

} // namespace pgkeep::migrate::declaring
