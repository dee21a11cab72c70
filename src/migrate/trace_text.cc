// The figures of a trace carried over to the live sizes, and in words.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "migrate/trace.h"

namespace pgkeep::migrate {
namespace {

/// Of a statement that works on next to nothing: its parsing, its catalog rows, its answer.
constexpr double kFixed_ms = 2;
constexpr std::int64_t kFixedWalBytes = 16'384;
/// Below this many rows a figure in proportion to them is a guess.
constexpr std::int64_t kRowsToTell = 1'000;
/// More of a plan is for JSON.
constexpr std::size_t kPlanLinesMax = 12;

std::string duration_text(double ms) {
  if (ms < 10) return fmt::format("{:.1f} ms", ms);
  if (ms >= 1'000 && ms < 10'000) return fmt::format("{:.1f} s", ms / 1'000);
  return base::human_duration(
      std::chrono::microseconds{static_cast<std::int64_t>(std::round(ms * 1000))});
}

std::string count_text(double count) {
  return base::human_count(static_cast<std::int64_t>(std::round(count)));
}

std::string_view blocked_by(lint::LockMode mode) {
  if (lint::blocks_reads(mode)) return "reads and writes";
  return lint::blocks_writes(mode) ? "writes" : "";
}

/// What decides how long a statement takes: the table it works on that has most rows.
const TracedWork* main_work(const TracedStatement& statement) {
  const auto found = std::ranges::max_element(statement.work, {}, [](const TracedWork& work) {
    return std::max(static_cast<double>(work.rows), work.live_rows);
  });
  return found == statement.work.end() ? nullptr : &*found;
}

void scale(TracedStatement& statement) {
  const TracedWork* const work = main_work(statement);
  const auto wal = static_cast<double>(statement.wal_bytes);
  if (work == nullptr) {
    statement.live_ms = statement.ms;
    statement.live_wal_bytes = wal;
    return;
  }
  if (work->live_rows < 0 || (work->rows == 0 && work->live_rows > 0)) return;
  const double ratio =
      work->rows == 0 ? 1 : std::max(1.0, work->live_rows / static_cast<double>(work->rows));
  statement.live_ms = statement.ms + std::max(0.0, statement.ms - kFixed_ms) * (ratio - 1);
  statement.live_wal_bytes = wal + std::max(0.0, wal - kFixedWalBytes) * (ratio - 1);
}

std::string work_text(const TracedWork& work) {
  std::vector<std::string> parts;
  if (work.is_rewritten) parts.emplace_back("rewrites");
  if (work.is_indexed) parts.emplace_back("builds an index on");
  if (work.is_scanned && !work.is_rewritten && !work.is_indexed) parts.emplace_back("reads all of");
  return fmt::format("{} {} ({} rows)", base::join(parts, ", "), work.relation,
                     base::human_count(work.rows));
}

/// The work at the live size that decides how long the rest of the transaction takes; null where
/// none is known.
const TracedWork* main_work_from(const TracedStep& step, std::size_t first) {
  const TracedWork* most = nullptr;
  for (std::size_t i = first; i < step.statements.size(); ++i) {
    const TracedWork* const work = main_work(step.statements[i]);
    if (work == nullptr || work->live_rows < 0) continue;
    if (most == nullptr || work->live_rows > most->live_rows) most = work;
  }
  return most;
}

std::string size_text(const TracedWork& work) {
  return fmt::format("at the live size ({} rows of {})", count_text(work.live_rows), work.relation);
}

std::string doubt_text(const TracedWork& work) {
  if (work.rows >= kRowsToTell || work.live_rows <= 2 * static_cast<double>(work.rows)) return {};
  return fmt::format(" (a guess: {} rows were rehearsed)", base::human_count(work.rows));
}

/// A lock lasts to the end of the transaction: what comes after its statement counts too.
void add_live_lines(const TracedStep& step, std::size_t index, std::vector<std::string>& lines) {
  const TracedStatement& statement = step.statements[index];
  const TracedWork* const own = main_work(statement);
  if (own != nullptr && own->live_rows >= 0) {
    lines.push_back(
        statement.live_ms < 0
            ? fmt::format("    {}: not known, no rows were rehearsed; --rows makes some up",
                          size_text(*own))
            : fmt::format("    {}: about {}, {} of WAL{}", size_text(*own),
                          duration_text(statement.live_ms),
                          base::human_bytes(
                              static_cast<std::int64_t>(std::max(0.0, statement.live_wal_bytes))),
                          doubt_text(*own)));
  }
  const TracedWork* const rest = main_work_from(step, index);
  if (rest == nullptr) return;
  for (const TracedLock& lock : statement.locks) {
    const std::string_view what = blocked_by(lock.mode);
    if (what.empty() || lock.live_ms < 0) continue;
    lines.push_back(fmt::format("    {}: this blocks {} on {} for about {}{}", size_text(*rest),
                                what, lock.relation, duration_text(lock.live_ms),
                                doubt_text(*rest)));
  }
}

void add_plan(const TracedStatement& statement, std::vector<std::string>& lines) {
  if (statement.live_plan.empty()) return;
  lines.emplace_back("    plan at the live size:");
  const std::size_t shown = std::min(statement.live_plan.size(), kPlanLinesMax);
  for (std::size_t i = 0; i < shown; ++i)
    lines.push_back("      " + statement.live_plan[i]);
  if (shown < statement.live_plan.size())
    lines.push_back(fmt::format("      and {} more lines", statement.live_plan.size() - shown));
}

void add_lines(const TracedStep& step, std::size_t index, std::vector<std::string>& lines) {
  const TracedStatement& statement = step.statements[index];
  lines.push_back(fmt::format("{:>8}  {}", duration_text(statement.ms), statement.sql));
  for (const TracedLock& lock : statement.locks) {
    if (lock.mode <= lint::LockMode::row_share) continue;
    const std::string_view what = blocked_by(lock.mode);
    lines.push_back(fmt::format("    {} on {}, held for {}{}", lint::name_of(lock.mode),
                                lock.relation, duration_text(lock.held_ms),
                                what.empty() ? "" : fmt::format(": blocks {}", what)));
  }
  for (const TracedWork& work : statement.work)
    lines.push_back(
        fmt::format("    {}; {} of WAL", work_text(work), base::human_bytes(statement.wal_bytes)));
  add_live_lines(step, index, lines);
  add_plan(statement, lines);
  for (const std::string& note : statement.notes)
    lines.push_back("    note: " + note);
}

/// Null where it is not known.
base::Json figure(double value) {
  return value < 0 ? base::Json() : base::Json(std::round(value * 1000) / 1000);
}

} // namespace

void scale(TracedStep& step) {
  for (TracedStatement& statement : step.statements)
    scale(statement);
  for (std::size_t i = 0; i < step.statements.size(); ++i) {
    double total = step.commit_ms;
    bool is_known = true;
    for (std::size_t k = i; k < step.statements.size(); ++k) {
      is_known = is_known && step.statements[k].live_ms >= 0;
      total += step.statements[k].live_ms;
    }
    // The swap of a shadow table takes as long for a large table as for a small one.
    const bool is_swap = step.kind == StepKind::shadow;
    for (TracedLock& lock : step.statements[i].locks)
      lock.live_ms = is_swap ? lock.held_ms : is_known ? total : -1;
  }
}

std::vector<std::string> lines_of(const TracedStep& step) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < step.statements.size(); ++i)
    add_lines(step, i, lines);
  for (const std::string& note : step.notes)
    lines.push_back("    note: " + note);
  return lines;
}

base::Json to_json(const TracedStep& step) {
  base::Json statements{base::Json::Array{}};
  for (const TracedStatement& statement : step.statements) {
    base::Json locks{base::Json::Array{}};
    for (const TracedLock& lock : statement.locks)
      locks.push(base::Json{{"relation", lock.relation},
                            {"lock", lint::name_of(lock.mode)},
                            {"blocks", blocked_by(lock.mode)},
                            {"held_ms", figure(lock.held_ms)},
                            {"live_ms", figure(lock.live_ms)}});
    base::Json work{base::Json::Array{}};
    for (const TracedWork& each : statement.work)
      work.push(base::Json{{"relation", each.relation},
                           {"rewritten", each.is_rewritten},
                           {"scanned", each.is_scanned},
                           {"index_built", each.is_indexed},
                           {"rows", each.rows},
                           {"live_rows", figure(each.live_rows)}});
    statements.push(base::Json{{"sql", statement.sql},
                               {"where", statement.where},
                               {"ms", figure(statement.ms)},
                               {"live_ms", figure(statement.live_ms)},
                               {"wal_bytes", statement.wal_bytes},
                               {"live_wal_bytes", figure(statement.live_wal_bytes)},
                               {"locks", std::move(locks)},
                               {"work", std::move(work)},
                               {"live_plan", base::Json::list(statement.live_plan)},
                               {"notes", base::Json::list(statement.notes)}});
  }
  return base::Json{{"kind", name_of(step.kind)},
                    {"title", step.title},
                    {"commit_ms", figure(step.commit_ms)},
                    {"statements", std::move(statements)},
                    {"notes", base::Json::list(step.notes)}};
}

} // namespace pgkeep::migrate
