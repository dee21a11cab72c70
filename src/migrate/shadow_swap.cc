// The swap: one transaction under ACCESS EXCLUSIVE on the table, on those that refer to it or that
// it refers to, and on its views. What is left in the log is replayed in it, and it is short, for
// all but the last changes were replayed before. Foreign keys are added NOT VALID: every row was
// checked by the old ones until this moment, and rows written later are checked by the new ones;
// VALIDATE afterwards only lets the planner and the catalog know.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "migrate/shadow_run.h"
#include "migrate/shadow_sql.h"
#include "migrate/watch.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;

/// A log that is longer is replayed before the locks are taken.
constexpr int kLeftMax = 500;
constexpr int kRoundsMax = 1'000;

} // namespace

base::Result<ShadowRun::SwapLocks> ShadowRun::swap_locks() {
  const std::optional<std::string> values[] = {fmt::format("{}", names_.oid)};
  PGKEEP_TRY(const postgres::Rows others, servers_.eyes.query(shadow_locked(), values));
  SwapLocks locks{.all = {{.schema = names_.schema, .name = names_.name}},
                  .named = {names_.table()}};
  for (int row = 0; row < others.count(); ++row) {
    locks.all.push_back(
        {.schema = std::string(others.text(row, 0)), .name = std::string(others.text(row, 1))});
    if (others.text(row, 2) == "t") locks.named.push_back(locks.all.back().text());
  }
  return locks;
}

base::Result<ShadowRun::SwapStatements> ShadowRun::swap_statements() {
  const std::vector<std::optional<std::string>> values = swap_values();
  PGKEEP_TRY(const postgres::Rows own,
             servers_.work.query(shadow_swap_sql(servers_.work.version().major()), values));
  PGKEEP_TRY(const postgres::Rows others,
             servers_.work.query(shadow_dependents_swap(), std::span(values).first(1)));
  std::vector<std::pair<int, std::string>> lines;
  for (const postgres::Rows* const rows : {&own, &others}) {
    for (int row = 0; row < rows->count(); ++row)
      lines.emplace_back(std::stoi(std::string(rows->text(row, 1))), rows->text(row, 0));
  }
  std::ranges::stable_sort(lines, {}, &std::pair<int, std::string>::first);
  SwapStatements statements;
  for (const auto& [place, line] : lines)
    (place < kShadowLocked ? statements.early : statements.late) += line + ";\n";
  return statements;
}

/// False: the log was too long, or what hangs on the table has changed; once more.
base::Result<bool> ShadowRun::try_swap(const SwapLocks& locks) {
  const std::vector<std::optional<std::string>> values = swap_values();
  Position after = position_;
  after.phase = "swapped";
  PGKEEP_TRY(after.validate, texts_of(servers_.eyes, std::string(kShadowValidate), values));
  PGKEEP_TRY(after.attach,
             texts_of(servers_.eyes, std::string(kShadowAttach), std::span(values).first(2)));
  // What the swap does is read under a lock that stops DDL and no reader or writer: it takes
  // longer than the swap. A commit that does not wait for the disk is safe: whatever is committed
  // on the new table comes later in the WAL, and so does the record that the step is done.
  PGKEEP_CHECK(begin(fmt::format("SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = "
                                 "'2s'; LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE; SAVEPOINT "
                                 "path; SET LOCAL search_path = pg_catalog",
                                 names_.table())));
  PGKEEP_TRY(const SwapStatements statements, swap_statements());
  const std::string mark = shadow_mark();
  PGKEEP_TRY(const auto before, texts_of(servers_.work, mark, std::span(values).first(1)));
  // The user's search_path again, for what USING says.
  PGKEEP_CHECK(servers_.work.execute("ROLLBACK TO path;\n" + statements.early));
  const auto begun = Steady::now();
  PGKEEP_CHECK(servers_.work.execute(
      fmt::format("SET LOCAL lock_timeout = {}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; SAVEPOINT "
                  "path; SET LOCAL search_path = pg_catalog",
                  patience_.lock_try.count(), base::join(locks.named, ", "))));
  PGKEEP_TRY(const auto now, texts_of(servers_.work, mark, std::span(values).first(1)));
  PGKEEP_TRY(const auto keys,
             texts_of(servers_.work,
                      fmt::format("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) l", names_.log(),
                                  kLeftMax),
                      {}));
  if (now != before || keys.front() == fmt::format("{}", kLeftMax)) {
    PGKEEP_CHECK(servers_.work.execute("ROLLBACK"));
    return false;
  }
  // The locks stay: a savepoint after them gives back settings alone.
  PGKEEP_CHECK(servers_.work.execute("ROLLBACK TO path"));
  PGKEEP_CHECK(replay_in_transaction());
  PGKEEP_CHECK(servers_.work.execute(
      "SET LOCAL search_path = pg_catalog; SET LOCAL check_function_bodies = off;\n" +
      statements.late));
  PGKEEP_CHECK(commit_locked(after, begun));
  step_.tell({.kind = "note",
              .text = fmt::format("{} was swapped, and locked for {:.1f} ms", names_.table(),
                                  locked_ms_)});
  return true;
}

base::Result<> ShadowRun::swap() {
  for (int round = 0; round < kRoundsMax; ++round) {
    // An index that was made meanwhile is not there yet; those that are there take no time.
    PGKEEP_CHECK(build_indexes());
    PGKEEP_CHECK(check_definition());
    PGKEEP_CHECK(build_matviews(round == 0));
    PGKEEP_TRY(const SwapLocks locks, swap_locks());
    bool is_done = false;
    const auto attempt = [&]() -> base::Result<> {
      PGKEEP_CHECK(catch_up());
      PGKEEP_TRY(is_done, try_swap(locks));
      return {};
    };
    PGKEEP_CHECK(politely(lint::LockMode::access_exclusive, locks.all, attempt));
    if (is_done) return {};
  }
  return base::Error{.code = base::Code::timeout,
                     .what = fmt::format("{} is changed too fast to be swapped", names_.table()),
                     .hint = "Run again at a quieter time: it goes on from here."};
}

/// After the swap: what takes time and stops nobody.
base::Result<> ShadowRun::finish() {
  for (const std::string& statement : position_.validate) {
    const Watch watch(servers_.work, servers_.eyes, [&](const std::string& text, double fraction) {
      step_.tell({.kind = "progress", .text = "validates: " + text, .fraction = fraction});
    });
    // SHARE UPDATE EXCLUSIVE: nobody of the application waits for it. Valid ones are left alone.
    PGKEEP_CHECK(begin(""));
    PGKEEP_CHECK(servers_.work.execute(statement));
    PGKEEP_CHECK(servers_.work.execute("COMMIT"));
  }
  PGKEEP_CHECK(attach_keys());
  const std::optional<std::string> values[] = {fmt::format("{}", position_.oid)};
  PGKEEP_TRY(const auto old, texts_of(servers_.eyes,
                                      "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class "
                                      "c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid "
                                      "= $1::oid AND n.nspname = 'pgkeep'",
                                      values));
  PGKEEP_CHECK(begin(""));
  if (!old.empty() && !options_.keeps_old)
    PGKEEP_CHECK(servers_.work.execute("DROP TABLE " + old.front()));
  PGKEEP_CHECK(
      servers_.work.execute("SET LOCAL search_path = pg_catalog; " + step_.record + "; COMMIT"));
  if (!old.empty() && options_.keeps_old)
    step_.tell(
        {.kind = "note",
         .text = fmt::format("the old table is kept: DROP TABLE {}; takes it away", old.front())});
  return {};
}

} // namespace pgkeep::migrate
