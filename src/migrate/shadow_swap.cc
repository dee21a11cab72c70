// The swap: one transaction under ACCESS EXCLUSIVE on the table, on those that refer to it or that
// it refers to, and on its views. What is left in the log is replayed in it, and it is short, for
// all but the last changes were replayed before. Foreign keys are added NOT VALID: every row was
// checked by the old ones until this moment, and rows written later are checked by the new ones;
// VALIDATE afterwards only lets the planner and the catalog know.
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

/// Changes with privileges and with what depends on the table: what DDL can do without a lock that
/// ours stops.
constexpr std::string_view kMark = R"(
SELECT concat_ws(' ', (SELECT c.xmin FROM pg_catalog.pg_class c WHERE c.oid = $1::oid),
                 (SELECT max(a.xmin::text::bigint) FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = $1::oid),
                 (SELECT count(*) || ' ' || sum(d.objid::bigint) FROM pg_catalog.pg_depend d
                   WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::oid)))";

} // namespace

/// False: the log was too long, or what hangs on the table has changed; once more.
base::Result<bool> ShadowRun::try_swap(const std::vector<lint::RelationName>& relations) {
  const std::vector<std::optional<std::string>> values = swap_values();
  std::vector<std::string> locked;
  locked.reserve(relations.size());
  for (const lint::RelationName& each : relations)
    locked.push_back(each.text());
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
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query(shadow_swap_sql(servers_.work.version().major()), values));
  std::string early; // What the table need not be locked for.
  std::vector<std::string> statements;
  for (int row = 0; row < rows.count(); ++row) {
    if (rows.text(row, 1) == "t")
      early += fmt::format("{};\n", rows.text(row, 0));
    else
      statements.emplace_back(rows.text(row, 0));
  }
  PGKEEP_TRY(const auto before,
             texts_of(servers_.work, std::string(kMark), std::span(values).first(1)));
  // The user's search_path again, for what USING says.
  PGKEEP_CHECK(servers_.work.execute("ROLLBACK TO path;\n" + early));
  const auto begun = Steady::now();
  PGKEEP_CHECK(servers_.work.execute(
      fmt::format("SET LOCAL lock_timeout = {}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
                  patience_.lock_try.count(), base::join(locked, ", "))));
  PGKEEP_TRY(const auto now,
             texts_of(servers_.work, std::string(kMark), std::span(values).first(1)));
  PGKEEP_TRY(const auto keys,
             texts_of(servers_.work,
                      fmt::format("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) l", names_.log(),
                                  kLeftMax),
                      {}));
  if (now != before || keys.front() == fmt::format("{}", kLeftMax)) {
    PGKEEP_CHECK(servers_.work.execute("ROLLBACK"));
    return false;
  }
  PGKEEP_CHECK(replay_in_transaction());
  PGKEEP_CHECK(servers_.work.execute(
      "SET LOCAL search_path = pg_catalog; SET LOCAL check_function_bodies = off;\n" +
      base::join(statements, ";\n")));
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
    const std::optional<std::string> values[] = {fmt::format("{}", names_.oid)};
    PGKEEP_TRY(const postgres::Rows others,
               servers_.eyes.query(std::string(kShadowLocked), values));
    std::vector<lint::RelationName> relations = {{.schema = names_.schema, .name = names_.name}};
    for (int row = 0; row < others.count(); ++row)
      relations.push_back(
          {.schema = std::string(others.text(row, 0)), .name = std::string(others.text(row, 1))});
    bool is_done = false;
    const auto attempt = [&]() -> base::Result<> {
      PGKEEP_CHECK(catch_up());
      PGKEEP_TRY(is_done, try_swap(relations));
      return {};
    };
    PGKEEP_CHECK(politely(lint::LockMode::access_exclusive, relations, attempt));
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
