#include "migrate/polite.h"

#include <algorithm>
#include <charconv>
#include <random>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/process.h"
#include "base/text.h"
#include "base/units.h"
#include "base/utf8.h"
#include "migrate/watch.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;
using lint::LockMode;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// A transaction older than this will not be gone in the length of one try.
constexpr double kOldTransaction_s = 0.1;
/// However it looks, a try now and then: what is seen of others may be wrong.
constexpr milliseconds kTryAnyway{5'000};
constexpr milliseconds kGlance{25};
/// For locks in whose queue nobody of the application waits.
constexpr milliseconds kPatientWait{5'000};

bool is_worth_a_retry(const base::Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01" || error.sqlstate == "40001";
}

LockMode strongest(const StepStatement& statement) {
  LockMode mode = statement.is_unknown ? LockMode::access_exclusive : LockMode::none;
  for (const lint::Effect& each : statement.locks)
    mode = std::max(mode, each.mode);
  return mode;
}

base::Error cancelled() {
  return {.code = base::Code::cancelled, .what = "interrupted"};
}

std::string set_limit(std::string_view scope, milliseconds limit) {
  return fmt::format("SET {} lock_timeout = {}", scope, limit.count());
}

base::Error failed(const Servers& servers, const StepStatement& statement, base::Error error) {
  if (base::is_interrupted()) return cancelled();
  error.where = place_in(statement, servers.work.last_error_position());
  return error;
}

/// One try of the whole transaction.
base::Result<> attempt(Servers& servers, const PoliteStep& step, const Patience& patience,
                       std::int64_t& rows) {
  postgres::Connection& work = servers.work;
  PGKEEP_CHECK(work.execute("BEGIN"));
  milliseconds limit{-1};
  bool holds_strong = false;
  rows = 0;
  for (const StepStatement& statement : step.step.statements) {
    const bool is_strong = lint::blocks_writes(strongest(statement));
    const milliseconds wanted = is_strong || holds_strong ? patience.lock_try : kPatientWait;
    // A file may set the limit itself: ours comes after it.
    const bool is_set = statement.statement->root.is("VariableSetStmt");
    if (wanted != limit) PGKEEP_CHECK(work.execute(set_limit("LOCAL", wanted)));
    limit = is_set ? milliseconds{-1} : wanted;
    holds_strong = holds_strong || is_strong;
    const auto done =
        statement.data ? work.copy_in(statement.sql, *statement.data) : work.query(statement.sql);
    if (!done) return failed(servers, statement, done.error());
    const std::string_view tag = done->command_tag();
    std::int64_t count = 0;
    const std::string_view number = tag.substr(tag.rfind(' ') + 1);
    std::from_chars(number.data(), number.data() + number.size(), count);
    if (tag.starts_with("INSERT") || tag.starts_with("COPY") || tag.starts_with("UPDATE") ||
        tag.starts_with("DELETE"))
      rows += count;
  }
  if (!step.record.empty()) {
    // Its own limit: nobody but another runner holds these rows, and that for an instant.
    PGKEEP_CHECK(work.execute("SET LOCAL search_path = pg_catalog; SET LOCAL ROLE NONE; " +
                              set_limit("LOCAL", kPatientWait)));
    PGKEEP_CHECK(work.execute(step.record));
  }
  return work.execute("COMMIT");
}

Watch::OnSecond tells_progress(const PoliteStep& step) {
  return [&step](const std::string& text, double fraction) {
    step.tell({.kind = "progress", .text = text, .fraction = fraction});
  };
}

} // namespace

std::string place_in(const StepStatement& statement, int error_position) {
  if (error_position <= 0) return statement.where;
  const std::string_view text = statement.script->text();
  std::size_t offset = statement.statement->begin;
  while (offset < text.size() && base::trim(text.substr(offset, 1)).empty())
    ++offset; // `sql` begins behind blanks.
  for (int i = 1; i < error_position && offset < text.size(); ++i)
    offset += std::max<std::size_t>(base::decode_utf8(text.substr(offset)).bytes, 1);
  const lint::Script::Place place = statement.script->place_of(offset);
  return fmt::format("{}:{}:{}", place.path, place.line, place.column);
}

Gate::Gate(Servers& servers, const Patience& patience, std::function<void(Event)> tell)
    : servers_(servers), patience_(patience), tell_(std::move(tell)), begin_(Steady::now()),
      seed_(std::random_device{}()) {}

base::Result<> Gate::aim_at(std::span<const StepStatement> statements) {
  std::vector<std::string> names;
  std::vector<std::string> modes;
  for (const StepStatement& statement : statements) {
    for (const lint::Effect& each : statement.locks) {
      if (each.mode == LockMode::none) continue;
      std::string quoted = base::replace_all(each.relation.text(), "\\", "\\\\");
      names.push_back("\"" + base::replace_all(std::move(quoted), "\"", "\\\"") + "\"");
      modes.push_back(fmt::format("{}", static_cast<int>(each.mode)));
    }
  }
  wanted_.clear();
  if (names.empty()) return {};
  const std::optional<std::string> parameters[] = {"{" + base::join(names, ",") + "}",
                                                   "{" + base::join(modes, ",") + "}"};
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query(
                 "WITH RECURSIVE wanted AS (SELECT pg_catalog.to_regclass(name)::oid AS relation, "
                 "mode FROM ROWS FROM (pg_catalog.unnest($1::text[]), "
                 "pg_catalog.unnest($2::int[])) AS w(name, mode) UNION SELECT i.inhrelid, w.mode "
                 "FROM wanted w JOIN pg_catalog.pg_inherits i ON i.inhparent = w.relation) "
                 "SELECT relation, pg_catalog.max(mode) FROM wanted WHERE relation IS NOT NULL "
                 "GROUP BY relation",
                 parameters));
  for (int row = 0; row < rows.count(); ++row) {
    Wanted each;
    int mode = 0;
    const std::string_view oid = rows.text(row, 0);
    const std::string_view number = rows.text(row, 1);
    std::from_chars(oid.data(), oid.data() + oid.size(), each.oid);
    std::from_chars(number.data(), number.data() + number.size(), mode);
    each.mode = static_cast<LockMode>(mode);
    // In the queue of a weak lock nobody of the application waits.
    if (lint::blocks_writes(each.mode)) wanted_.push_back(each);
  }
  return {};
}

base::Result<> Gate::look() {
  const int own_pid = servers_.work.is_pooled() ? 0 : servers_.work.backend_pid();
  PGKEEP_TRY(blockers_, blockers_of(servers_.eyes, wanted_, own_pid));
  std::erase_if(blockers_,
                [](const Blocker& each) { return each.transaction_s < kOldTransaction_s; });
  if (!blockers_.empty()) blamed_ = blockers_;
  if (patience_.autovacuum_yields)
    std::erase_if(blockers_, [](const Blocker& each) { return each.is_autovacuum; });
  return {};
}

void Gate::tell_blockers() {
  const auto now = Steady::now();
  if (is_told_ && now - told_ < std::chrono::seconds{1}) return;
  is_told_ = true;
  told_ = now;
  const std::string others =
      blockers_.size() > 1 ? fmt::format("; and {} more", blockers_.size() - 1) : "";
  tell_({.kind = "waiting",
         .text = fmt::format("waits for {}{}", blockers_.front().text(), others),
         .figures = base::Json{{"pid", blockers_.front().pid},
                               {"blockers", static_cast<std::int64_t>(blockers_.size())}}});
}

base::Result<> Gate::wait_outside() {
  ++attempts_;
  if (wanted_.empty()) return {};
  const auto from = Steady::now();
  milliseconds glance = kGlance;
  while (true) {
    if (base::is_interrupted()) return cancelled();
    PGKEEP_CHECK(look());
    const auto now = Steady::now();
    if (blockers_.empty() || now - from > kTryAnyway) break;
    if (now - begin_ > patience_.budget) return too_late();
    tell_blockers();
    base::pause_for(glance);
    glance = std::min(glance * 2, milliseconds{100});
  }
  waited_ += duration_cast<milliseconds>(Steady::now() - from);
  return {};
}

base::Result<> Gate::pause() {
  if (base::is_interrupted()) return cancelled();
  PGKEEP_CHECK(look());
  if (Steady::now() - begin_ > patience_.budget) return too_late();
  // Jitter of a quarter, so that two runners (or a runner and a cron job) do not keep step.
  std::minstd_rand random(seed_);
  seed_ = static_cast<std::uint32_t>(random());
  const auto jitter = static_cast<std::int64_t>(seed_ % 51U) - 25;
  const milliseconds length = pause_ + pause_ * jitter / 100;
  tell_({.kind = "retry",
         .text = fmt::format("did not get its lock within {} ms; tries again",
                             patience_.lock_try.count()),
         .figures = base::Json{{"attempt", attempts_}, {"pause_ms", length.count()}}});
  base::pause_for(length);
  waited_ += length;
  pause_ = std::min(pause_ * 2, patience_.pause_max);
  return {};
}

milliseconds Gate::waited() const {
  return waited_;
}

base::Error Gate::too_late() const {
  std::string who = blamed_.empty() ? "whoever holds it was not seen" : "";
  for (const Blocker& each : blamed_) {
    if (!who.empty()) who += "; ";
    who += each.text();
  }
  return {.code = base::Code::timeout,
          .what = fmt::format("the lock could not be had within {}: {}",
                              base::human_duration(patience_.budget), who),
          .hint = "End that transaction, or run again at a quieter time; --wait sets the limit."};
}

base::Result<Outcome> run_in_transaction(Servers& servers, const PoliteStep& step,
                                         const Patience& patience) {
  Outcome outcome;
  Gate gate(servers, patience, step.tell);
  PGKEEP_CHECK(gate.aim_at(step.step.statements));
  while (true) {
    PGKEEP_CHECK(gate.wait_outside());
    const auto begin = Steady::now();
    base::Result<> done;
    {
      const Watch watch(servers.work, servers.eyes, tells_progress(step));
      done = attempt(servers, step, patience, outcome.rows);
    }
    outcome.duration = duration_cast<milliseconds>(Steady::now() - begin);
    outcome.attempts = gate.attempts();
    outcome.waited = gate.waited();
    if (done) return outcome;
    if (servers.work.is_in_transaction()) PGKEEP_CHECK(servers.work.execute("ROLLBACK"));
    if (!is_worth_a_retry(done.error())) return std::move(done).error();
    PGKEEP_CHECK(gate.pause());
  }
}

base::Result<Outcome> run_alone(Servers& servers, const PoliteStep& step,
                                const Patience& patience) {
  const StepStatement& statement = step.step.statements.front();
  const bool is_strong = lint::blocks_writes(strongest(statement));
  Outcome outcome;
  Gate gate(servers, patience, step.tell);
  if (is_strong) PGKEEP_CHECK(gate.aim_at(step.step.statements));
  while (true) {
    PGKEEP_CHECK(gate.wait_outside());
    // Behind a pooler the session is not ours: the role's own limit holds.
    if (!servers.work.is_pooled())
      PGKEEP_CHECK(servers.work.execute(
          set_limit("SESSION", is_strong ? patience.lock_try : milliseconds{0})));
    const auto begin = Steady::now();
    base::Result<> done;
    {
      const Watch watch(servers.work, servers.eyes, tells_progress(step));
      done = servers.work.execute(statement.sql);
    }
    outcome.duration = duration_cast<milliseconds>(Steady::now() - begin);
    outcome.attempts = gate.attempts();
    outcome.waited = gate.waited();
    if (done) return outcome;
    base::Error error = failed(servers, statement, done.error());
    if (!is_strong || !is_worth_a_retry(error)) return error;
    PGKEEP_CHECK(gate.pause());
  }
}

} // namespace pgkeep::migrate
